package msl

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

//go:embed native
var native embed.FS

// A Mode is what a text is compiled for.
type Mode int

const (
	Flat    Mode = iota // values: optimised
	Checked             // findings: every access instrumented
	Quick               // as checked, of which a finding has no line: not optimised, for many texts run once
)

func (m Mode) String() string { return [...]string{"flat", "checked", "quick"}[m] }

// An Object is a compiled text.
type Object struct {
	Path    string // of the shared object
	Mode    Mode
	Kernels []Kernel
}

const clang = "clang-19"

// Available says what is missing to compile and run texts; nil: nothing.
func Available() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("kernels of Metal run on linux, not on %s", runtime.GOOS)
	}
	var missing []string
	for _, tool := range []struct{ program, name string }{{clang, "clang-19"}, {"ld.lld-19", "lld-19"}} {
		if _, err := exec.LookPath(tool.program); err != nil {
			missing = append(missing, tool.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not installed: %s (Debian: apt-get install clang-19 lld-19)", strings.Join(missing, ", "))
	}
	return nil
}

var clangVersion = sync.OnceValues(func() (string, error) {
	if err := Available(); err != nil {
		return "", err
	}
	out, err := exec.Command(clang, "--version").Output()
	return string(out), err
})

// header is all that a text is compiled over.
var header = sync.OnceValue(func() string {
	var b strings.Builder
	for _, name := range []string{"exec.h", "thread.h", "shim.h"} {
		b.Write(nativeFile(name))
	}
	return strings.ReplaceAll(b.String(), "#include \"", "//#include \"") + declarations()
})

func nativeFile(name string) []byte {
	data, err := native.ReadFile("native/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return data
}

// targets are the machines that objects are for, each a fixed one: objects are cached.
var targets = map[string][]string{
	"amd64": {"--target=x86_64-linux-gnu", "-march=x86-64-v3"},
	"arm64": {"--target=aarch64-linux-gnu", "-march=armv8.2-a+fp16"},
}

// language is how every pass reads a text.
var language = []string{
	"-x", "c++", "-std=c++17", "-ffreestanding", "-nostdlibinc", "-nostdinc++", "-fno-exceptions", "-fno-rtti", "-fsigned-char",
	// Values are those of the text: nothing contracted, nothing in another precision.
	"-ffp-contract=off", "-fno-math-errno", "-Xclang", "-ffloat16-excess-precision=none", "-Xclang", "-fbfloat16-excess-precision=none",
	"-Xclang", "-cl-single-precision-constant", "-fno-lax-vector-conversions",
	// A loop without an end has none.
	"-fno-finite-loops",
	// Warnings are none, or errors.
	"-Wno-everything", "-Werror=double-promotion", "-Werror=implicit-float-conversion", "-Werror=float-conversion",
	"-Werror=uninitialized", "-Werror=sometimes-uninitialized", "-Werror=return-type", "-Werror=vla",
	"-Werror=array-bounds", "-Werror=shift-count-overflow", "-Werror=shift-count-negative", "-Werror=division-by-zero",
	"-Werror=integer-overflow", "-Werror=constant-conversion", "-Werror=literal-range", "-Werror=unused-value",
	"-Werror=unused-variable", "-Werror=unused-but-set-variable",
	"-fno-color-diagnostics", "-fno-caret-diagnostics", "-ferror-limit=20",
}

var modes = map[Mode][]string{
	Flat: {"-O2"},
	// Wider accesses than 16 bytes would not be checked, so nothing is vectorised.
	Checked: append([]string{"-O1", "-gline-tables-only", "-fno-vectorize", "-fno-slp-vectorize"}, instrumented...),
	Quick:   append([]string{"-O0", "-fno-asynchronous-unwind-tables"}, instrumented...),
}

// instrumented has the executor told of each access and of what is undefined.
var instrumented = []string{
	"-fsanitize=thread", "-mllvm", "-tsan-instrument-func-entry-exit=0", "-mllvm", "-tsan-instrument-read-before-write=1",
	"-fsanitize=array-bounds,shift-exponent,integer-divide-by-zero,signed-integer-overflow,float-cast-overflow",
	"-fno-sanitize-link-runtime",
}

// code is what the modes share: an object that the executor loads and whose threads fit
// their stacks.
var code = []string{
	"-fPIC", "-shared", "-fvisibility=hidden", "-nostdlib", "-fuse-ld=lld", "-o", "object", "-fno-strict-aliasing",
	"-ftrivial-auto-var-init=pattern", "-Wframe-larger-than=65536", "-Werror=frame-larger-than",
}

// Strict compiles a text with its address spaces apart and makes no code. The error is
// lines of LINE:COL: error: TEXT.
func Strict(text string) error {
	f, err := accepted(text)
	if err != nil {
		return err
	}
	version, err := clangVersion()
	if err != nil {
		return err
	}
	args := append(append([]string{}, targets["amd64"]...), language...)
	args = append(args, "-DMSL_STRICT", "-fsyntax-only", "-Werror=cast-qual")
	source := transform(text, f, true)
	_, err = cached(".strict", append([]string{source, header(), version}, args...), func(dir string) (string, error) {
		if err := compile(dir, source, args); err != nil {
			return "", err
		}
		return "ok", os.WriteFile(filepath.Join(dir, "ok"), nil, 0o644)
	})
	return err
}

// Compile makes an object of a text for an architecture as Go names it, amd64 or arm64,
// or takes it from the cache. The error is lines of LINE:COL: error: TEXT.
func Compile(text string, mode Mode, arch string) (*Object, error) {
	f, err := accepted(text)
	if err != nil {
		return nil, err
	}
	target, ok := targets[arch]
	if !ok {
		return nil, fmt.Errorf("no target for %s", arch)
	}
	version, err := clangVersion()
	if err != nil {
		return nil, err
	}
	args := append(append(append([]string{}, target...), language...), modes[mode]...)
	args = append(args, code...)
	source := transform(text, f, false)
	path, err := cached(".so", append([]string{source, header(), version}, args...), func(dir string) (string, error) {
		if err := compile(dir, source, args); err != nil {
			return "", err
		}
		if mode == Checked {
			if err := writeLines(filepath.Join(dir, "object")); err != nil {
				return "", err
			}
		}
		return "object", nil
	})
	if err != nil {
		return nil, err
	}
	return &Object{Path: path, Mode: mode, Kernels: f.kernels()}, nil
}

// compile runs clang in dir on source, which it reads after the header.
func compile(dir, source string, args []string) error {
	if err := os.WriteFile(filepath.Join(dir, "header.h"), []byte(header()), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(clang, append(append([]string{}, args...), "-include", "header.h", "-")...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(source)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if text := messages(stderr.String()); text != "" {
			return errors.New(text)
		}
		return fmt.Errorf("%s: %w", clang, err)
	}
	return nil
}

// messages keeps the errors of clang, with the places of the text; those in the header
// stay as they are.
func messages(stderr string) string {
	var out []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimRight(line, "\n")
		if strings.Contains(line, "error: ") {
			out = append(out, strings.TrimPrefix(line, "metal:"))
		}
	}
	if len(out) == 0 {
		return strings.TrimSpace(stderr)
	}
	return strings.Join(out, "\n")
}
