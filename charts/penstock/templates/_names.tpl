{{/* What every object is called and labelled. Where a part is asked for: a dict of root, component and values. */}}

{{- define "penstock.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "penstock.fullname" -}}
{{- $name := include "penstock.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "penstock.selector" -}}
app.kubernetes.io/name: {{ include "penstock.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "penstock.ownLabels" -}}
{{ include "penstock.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Ours go before what an administrator adds: selectors must find their pods. */}}
{{- define "penstock.labels" -}}
{{ toYaml (merge (include "penstock.ownLabels" . | fromYaml) .root.Values.global.commonLabels) }}
{{- end }}

{{- define "penstock.podLabels" -}}
{{- $g := .root.Values.global }}
{{- toYaml (merge (include "penstock.ownLabels" . | fromYaml) .values.podLabels $g.podLabels $g.commonLabels) }}
{{- end }}

{{- define "penstock.serviceAccount" -}}
{{- $own := printf "%s-%s" (include "penstock.fullname" .root) .component }}
{{- .values.serviceAccount.name | default (ternary $own "default" .values.serviceAccount.create) }}
{{- end }}

{{/* What is not of one namespace has the release's in its name. */}}
{{- define "penstock.clusterWideName" -}}
{{ .Release.Namespace }}-{{ include "penstock.fullname" . }}
{{- end }}

{{- define "penstock.storeUrl" -}}
http://{{ include "penstock.fullname" . }}-model-store.{{ .Release.Namespace }}.svc:8080
{{- end }}

{{- define "penstock.monitorUrl" -}}
http://{{ include "penstock.fullname" . }}-drift-monitor.{{ .Release.Namespace }}.svc:8080
{{- end }}

{{/* Where the drift monitor sends recorded requests, for the gateway to take them to a candidate. */}}
{{- define "penstock.replayUrl" -}}
http://{{ include "penstock.fullname" . }}-gateway-replay.{{ .Release.Namespace }}.svc:8083
{{- end }}

{{/* Which replicas of the drift monitor there are, and where each is reached: name=url,name=url. */}}
{{- define "penstock.monitorReplicas" -}}
{{- $all := list }}
{{- range until (int .Values.driftMonitor.replicas) }}
{{- $name := printf "%s-drift-monitor-%d" (include "penstock.fullname" $) . }}
{{- $all = append $all (printf "%s=http://%s.%s.svc:8080" $name $name $.Release.Namespace) }}
{{- end }}
{{- join "," $all }}
{{- end }}

{{- define "penstock.insideUrl" -}}
{{- $port := int .Values.gateway.service.port -}}
http://{{ include "penstock.fullname" . }}-gateway.{{ .Release.Namespace }}.svc{{ if ne $port 80 }}:{{ $port }}{{ end }}
{{- end }}
