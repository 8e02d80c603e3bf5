package main

import (
	"github.com/spf13/cobra"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	generatedopenapi "k8s.io/kubernetes/pkg/generated/openapi"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"
	"sigs.k8s.io/metrics-server/pkg/api"
)

// newMetricsServerCommand is metrics-server with the API descriptions of the Kubernetes that it is linked with: its own
// are generated for another release, in which types have other names, and a server does not start with those.
func newMetricsServerCommand() *cobra.Command {
	opts := options.NewOptions()
	command := &cobra.Command{
		Use:           "metrics-server",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			if errs := opts.Validate(); len(errs) > 0 {
				return errs[0]
			}
			config, err := opts.ServerConfig()
			if err != nil {
				return err
			}
			namer := openapinamer.NewDefinitionNamer(api.Scheme)
			config.Apiserver.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
			config.Apiserver.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
			config.Apiserver.OpenAPIConfig.Info.Title = "metrics-server"
			config.Apiserver.OpenAPIV3Config.Info.Title = "metrics-server"
			server, err := config.Complete()
			if err != nil {
				return err
			}
			return server.RunUntil(genericapiserver.SetupSignalHandler())
		},
	}
	for _, flags := range opts.Flags().FlagSets {
		command.Flags().AddFlagSet(flags)
	}
	return command
}
