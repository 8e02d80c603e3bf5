{{/* What the pods of every part have. Each takes a dict of root, component and values: those of the part. */}}

{{/* A map without keys whose value is null: null takes a default away. */}}
{{- define "penstock.withoutNulls" -}}
{{- $kept := dict }}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $kept $key $value }}{{ end }}
{{- end }}
{{- toYaml $kept }}
{{- end }}

{{/* As docker tells a host from a folder: it has a dot or a port, or is localhost. */}}
{{- define "penstock.imageRepository" -}}
{{- $registry := .root.Values.global.imageRegistry | trimSuffix "/" }}
{{- $repository := .values.image.repository }}
{{- if and $registry (not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $repository)) }}{{ $registry }}/{{ end }}
{{- $repository }}
{{- end }}

{{- define "penstock.imageReference" -}}
{{- $image := .values.image }}
{{- $tag := $image.tag | default (ternary "" .root.Chart.AppVersion (ne $image.digest "")) }}
{{- include "penstock.imageRepository" . }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "penstock.pullPolicy" -}}
{{ .values.image.pullPolicy | default .root.Values.global.imagePullPolicy }}
{{- end }}

{{- define "penstock.securityContext" -}}
{{- include "penstock.withoutNulls" (merge (deepCopy .values.securityContext) .root.Values.global.securityContext) }}
{{- end }}

{{- define "penstock.containerSecurityContext" -}}
{{- $chosen := merge (deepCopy .values.containerSecurityContext) .root.Values.global.containerSecurityContext }}
{{- include "penstock.withoutNulls" $chosen }}
{{- end }}

{{/* Where the pod runs; what the part says goes before what is said for all. */}}
{{- define "penstock.placement" -}}
{{- $g := .root.Values.global }}
{{- $chosen := dict "imagePullSecrets" $g.imagePullSecrets }}
{{- range tuple "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- $_ := set $chosen . (index $.values . | default (index $g .)) }}
{{- end }}
{{- $_ := set $chosen "topologySpreadConstraints" (include "penstock.spread" . | fromYamlArray) }}
{{- range $key := keys $chosen | sortAlpha }}
{{- with index $chosen $key }}
{{- dict $key . | toYaml | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}

{{/* A constraint that does not say which pods it counts counts the part's own. */}}
{{- define "penstock.spread" -}}
{{- $own := dict "matchLabels" (include "penstock.selector" . | fromYaml) }}
{{- $result := list }}
{{- range .values.topologySpreadConstraints | default .root.Values.global.topologySpreadConstraints }}
{{- $result = append $result (merge (deepCopy .) (dict "labelSelector" $own)) }}
{{- end }}
{{- toYaml $result }}
{{- end }}

{{- define "penstock.podAnnotations" -}}
{{- with merge (deepCopy .values.podAnnotations) .root.Values.global.podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "penstock.workloadAnnotations" -}}
{{- with merge (deepCopy .values.deploymentAnnotations) .root.Values.global.deploymentAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "penstock.registriesChecksum" -}}
checksum/registries: {{ toJson .Values.registries | sha256sum }}
{{- end }}

{{/* Whether gates may ask anything outside; empty: nothing. */}}
{{- define "penstock.measures" -}}
{{- if or .Values.measurements.prometheus .Values.measurements.webhooks .Values.measurements.allowUrls }}true{{ end }}
{{- end }}

{{/* The volume with the headers for a service, by its kind and name: both together may be longer than a volume's name. */}}
{{- define "penstock.headersVolume" -}}
headers-{{ join "/" . | sha256sum | trunc 16 }}
{{- end }}

{{/* Variables that an administrator adds; they go before those for all parts. */}}
{{- define "penstock.extraEnv" -}}
{{- with concat .root.Values.global.extraEnv .values.extraEnv }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* The way out of the cluster, for the parts that ask registries and buckets. What is inside needs no proxy. */}}
{{- define "penstock.wayOut" -}}
{{- $v := .Values }}
{{- if $v.http_proxy }}
- {name: HTTP_PROXY, value: {{ $v.http_proxy | quote }}}
{{- end }}
{{- if $v.https_proxy }}
- {name: HTTPS_PROXY, value: {{ $v.https_proxy | quote }}}
{{- end }}
{{- if or $v.http_proxy $v.https_proxy }}
{{- $inside := "localhost,127.0.0.1,::1,$(KUBERNETES_SERVICE_HOST),.svc,.svc.cluster.local" }}
- {name: NO_PROXY, value: {{ printf "%s%s" $inside (ternary "" (printf ",%s" $v.no_proxy) (empty $v.no_proxy)) | quote }}}
{{- end }}
{{- if or $v.caBundle.configMap $v.caBundle.secret }}
{{- range tuple "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" }}
- {name: {{ . }}, value: /etc/penstock-ca/{{ $v.caBundle.key }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "penstock.wayOutMounts" -}}
{{- if or .Values.caBundle.configMap .Values.caBundle.secret }}
- {name: ca-bundle, mountPath: /etc/penstock-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "penstock.wayOutVolumes" -}}
{{- $ca := .Values.caBundle }}
{{- if $ca.configMap }}
- name: ca-bundle
  configMap: {name: {{ $ca.configMap }}}
{{- else if $ca.secret }}
- name: ca-bundle
  secret: {secretName: {{ $ca.secret }}}
{{- end }}
{{- end }}

{{/* What all predictor pods have: beside what is said for them, what is said for all pods. */}}
{{- define "penstock.predictorTemplate" -}}
{{- $template := deepCopy .Values.predictor.podTemplate }}
{{- $spec := $template.spec | default dict }}
{{- $context := merge (deepCopy ($spec.securityContext | default dict)) .Values.global.securityContext }}
{{- $_ := set $spec "securityContext" (include "penstock.withoutNulls" $context | fromYaml) }}
{{- if and .Values.global.imagePullSecrets (not $spec.imagePullSecrets) }}
{{- $_ := set $spec "imagePullSecrets" .Values.global.imagePullSecrets }}
{{- end }}
{{- toYaml (merge (dict "spec" $spec) $template) }}
{{- end }}
