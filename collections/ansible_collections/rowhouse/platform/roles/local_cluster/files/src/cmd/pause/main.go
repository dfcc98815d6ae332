// Command pause keeps a pod's namespaces open: it waits until it is told to
// stop. It does not reap orphans, because pods do not share its PID namespace.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGINT, syscall.SIGTERM)
	<-stopped
}
