package main

import (
	"context"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/spf13/cobra"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// policyLook is how often the policies are counted, in memory.
const policyLook = 100 * time.Millisecond

// firewall is kube-router's network policy controller, which is all of kube-router that is linked. It runs only while
// there is a policy: its rules, some twenty for each pod, would otherwise be in the way of every measurement.
type firewall struct {
	client   kubernetes.Interface
	config   *options.KubeRouterConfig
	policies cache.SharedIndexInformer
}

// run takes turns between no rules at all and those that the policies ask for, until the context ends.
func (f firewall) run(ctx context.Context) error {
	go f.policies.Run(ctx.Done())
	for f.await(ctx, func(policies int) bool { return policies > 0 }) {
		if err := f.enforce(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enforce ends with the last policy, and leaves no rule behind.
func (f firewall) enforce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	controller, informers, err := f.controller()
	if err != nil {
		return err
	}
	informers.Start(ctx.Done())
	informers.WaitForCacheSync(ctx.Done())
	beats := make(chan *healthcheck.ControllerHeartbeat)
	defer close(beats)
	go func() {
		for range beats { // nobody asks for them, but the controller waits until each is taken
		}
	}()
	running := &sync.WaitGroup{}
	running.Add(1)
	go controller.Run(beats, ctx.Done(), running)
	f.await(ctx, func(policies int) bool { return policies == 0 })
	cancel()
	running.Wait()
	return f.clear()
}

// clear is by a new controller: one that has run would put back what it had read before.
func (f firewall) clear() error {
	controller, _, err := f.controller()
	if err != nil {
		return err
	}
	controller.Cleanup()
	return nil
}

// controller sees nothing until its informers are started.
func (f firewall) controller() (*netpol.NetworkPolicyController, informers.SharedInformerFactory, error) {
	iptables, ipsets, err := netpol.NewIPTablesHandlers(f.config)
	if err != nil {
		return nil, nil, err
	}
	factory := informers.NewSharedInformerFactory(f.client, 0)
	pods, namespaces := factory.Core().V1().Pods().Informer(), factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	made, err := netpol.NewNetworkPolicyController(f.client, f.config, pods, policies, namespaces, &sync.Mutex{}, iptables, ipsets)
	if err != nil {
		return nil, nil, err
	}
	handlers := map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: made.PodEventHandler, namespaces: made.NamespaceEventHandler, policies: made.NetworkPolicyEventHandler,
	}
	for informer, handler := range handlers {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, nil, err
		}
	}
	return made, factory, nil
}

// await answers false when the context ended first.
func (f firewall) await(ctx context.Context, holds func(policies int) bool) bool {
	tick := time.NewTicker(policyLook)
	defer tick.Stop()
	for !holds(len(f.policies.GetStore().ListKeys())) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func newNetworkPoliciesCommand() *cobra.Command {
	var kubeconfig string
	config := options.NewKubeRouterConfig()
	config.EnableIPv4 = true
	command := &cobra.Command{
		Use:           "network-policies",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(rest)
			if err != nil {
				return err
			}
			policies := informers.NewSharedInformerFactory(client, 0).Networking().V1().NetworkPolicies().Informer()
			return firewall{client, config, policies}.run(command.Context())
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&config.HostnameOverride, "node", "", "the node whose pods it guards")
	command.Flags().StringSliceVar(&config.ClusterIPCIDRs, "service-cluster-ip-range", nil, "the services' addresses")
	return command
}
