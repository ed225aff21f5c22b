// Command mslc compiles a Metal text, read from standard input, to a shared object that
// the executor runs, and prints its path. The text must pass the lint and the strict
// pass. What is wrong with it goes to standard error, as LINE:COL: error: TEXT.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/mlxc/mlxc/internal/msl"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mslc", flag.ContinueOnError)
	flags.SetOutput(stderr)
	mode := flags.String("mode", "flat", "flat, for values, or checked, for findings")
	arch := flags.String("arch", runtime.GOARCH, "amd64 or arm64")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	modes := map[string]msl.Mode{"flat": msl.Flat, "checked": msl.Checked}
	m, ok := modes[*mode]
	if !ok || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: mslc [-mode flat|checked] [-arch amd64|arm64] < text.metal")
		return 2
	}
	text, err := io.ReadAll(stdin)
	if err == nil {
		err = msl.Strict(string(text))
	}
	var object *msl.Object
	if err == nil {
		object, err = msl.Compile(string(text), m, *arch)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, object.Path)
	return 0
}
