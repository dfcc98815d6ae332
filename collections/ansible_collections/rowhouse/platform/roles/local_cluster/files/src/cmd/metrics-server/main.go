// Command metrics-server tells the usage of pods and of the node, which
// kubectl top shows and autoscaling goes by.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

func main() {
	os.Exit(cli.Run(app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())))
}
