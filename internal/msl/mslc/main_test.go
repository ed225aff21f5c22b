package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/internal/required"
)

func TestMslc(t *testing.T) {
	if err := msl.Available(); err != nil {
		required.Skip(t, err)
	}
	path, err := msl.Build()
	if err != nil {
		t.Fatal(err)
	}
	const good = "#include <metal_stdlib>\nusing namespace metal;\nkernel void k(device float *a [[buffer(0)]]) { a[0] = 1.0f; }\n"
	for name, test := range map[string]struct {
		args   []string
		text   string
		code   int
		stderr string
	}{
		"flat":     {nil, good, 0, ""},
		"checked":  {[]string{"-mode", "checked", "-arch", "arm64"}, good, 0, ""},
		"lint":     {nil, strings.Replace(good, "1.0f", "1.0", 1), 1, "3:55: error: 1.0 needs a suffix: 1.0f\n"},
		"strict":   {nil, strings.Replace(good, "1.0f", "a", 1), 1, "3:55: error: "},
		"mode":     {[]string{"-mode", "fast"}, good, 2, "usage: mslc"},
		"argument": {[]string{"x.metal"}, good, 2, "usage: mslc"},
		"arch":     {[]string{"-arch", "mips"}, good, 1, "no target for mips\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(path, test.args...)
			cmd.Stdin = strings.NewReader(test.text)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // its code is compared
			if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.HasPrefix(stderr.String(), test.stderr) {
				t.Fatalf("exit %d, stderr %q", code, stderr.String())
			}
			if test.code == 0 {
				if _, err := os.Stat(strings.TrimSuffix(stdout.String(), "\n")); err != nil {
					t.Error(err)
				}
			} else if stdout.String() != "" {
				t.Errorf("stdout %q", stdout.String())
			}
		})
	}
}
