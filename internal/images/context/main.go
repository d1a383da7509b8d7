// Command context writes the folder that deploy/Dockerfile builds its images from, and prints
// the version of the NATS server in it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"sluice/internal/images"
)

func main() {
	version := flag.String("version", "unknown", "what sluice version says")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: context [-version V] FOLDER")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *version); err != nil {
		fmt.Fprintln(os.Stderr, "context:", err)
		os.Exit(1)
	}
}

func run(dir, version string) error {
	ctx := context.Background()
	if err := images.Write(ctx, dir, version); err != nil {
		return err
	}
	nats, err := images.NATSVersion(ctx)
	if err == nil {
		fmt.Println(nats)
	}
	return err
}
