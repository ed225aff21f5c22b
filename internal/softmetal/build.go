package softmetal

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/internal/msl"
)

//go:embed native
var native embed.FS

// flags come before the sources, libraries after them. The sources of the executor
// define _GNU_SOURCE themselves, as nothing. Inlining across files halves the cost of
// a message.
var (
	flags = []string{"-std=c17", "-D_GNU_SOURCE=", "-O2", "-flto", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC",
		"-ftls-model=initial-exec", "-shared", "-Wl,-Bsymbolic", "-Wl,--version-script=native/exports.map", "-Iexecutor"}
	libraries = []string{"-ldl", "-lpthread", "-lm"}
)

// compilers of C by target; another machine's needs a cross compiler.
func compilers(arch string) [][]string {
	if arch == runtime.GOARCH {
		return [][]string{{"clang-19", "-fuse-ld=lld-19"}, {"cc"}}
	}
	return map[string][][]string{"arm64": {{"aarch64-linux-gnu-gcc"}}, "amd64": {{"x86_64-linux-gnu-gcc"}}}[arch]
}

func findCompiler(arch string) ([]string, error) {
	var names []string
	for _, c := range compilers(arch) {
		if _, err := exec.LookPath(c[0]); err == nil {
			return c, nil
		}
		names = append(names, c[0])
	}
	return nil, fmt.Errorf("the software Metal for %s needs a compiler of C: %s", arch, strings.Join(names, " or "))
}

// Build compiles the library for an architecture (amd64, arm64) into the user's
// cache, if it is not there, and returns its path.
func Build(arch string) (path string, err error) {
	compiler, err := findCompiler(arch)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "mlxc", "swmetal")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	sources, err := writeSources(dir)
	if err != nil {
		return "", err
	}
	args := slices.Concat(compiler, flags, sources, libraries)
	key, err := hash(dir, args)
	if err != nil {
		return "", err
	}
	path = filepath.Join(cache, "libswmetal-"+arch+"-"+key+".so")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	c := exec.Command(args[0], append(args[1:], "-o", "libswmetal.so")...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", args[0], err, out)
	}
	return path, os.Rename(filepath.Join(dir, "libswmetal.so"), path)
}

// writeSources lays the library's sources and the executor's into folders of dir, and
// returns the names of those to compile.
func writeSources(dir string) (sources []string, err error) {
	if err := os.CopyFS(dir, native); err != nil {
		return nil, err
	}
	for _, pattern := range []string{"native/*.c", "native/*.S"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			sources = append(sources, "native/"+filepath.Base(path))
		}
	}
	executor := filepath.Join(dir, "executor")
	if err := os.Mkdir(executor, 0o755); err != nil {
		return nil, err
	}
	names, err := msl.WriteExecutor(executor)
	for _, name := range names {
		sources = append(sources, "executor/"+name)
	}
	return sources, err
}

// hash is of all files in the folders of dir, and of args.
func hash(dir string, args []string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q", args)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %q", filepath.Base(path), text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}
