package softmetal

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mlxc/mlxc/internal/msl"
)

//go:embed native
var native embed.FS

// flags come before the sources, libraries after them. -D_GNU_SOURCE= is what the
// sources of the executor define themselves.
var (
	flags = []string{"-std=c17", "-D_GNU_SOURCE=", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
		"-Wl,-Bsymbolic", "-Wl,--version-script=softmetal/exports.map", "-Imsl"}
	libraries = []string{"-ldl", "-lpthread", "-lm"}
)

// compilers by target; another machine's needs a cross compiler.
func compilers(arch string) []string {
	if arch == runtime.GOARCH {
		return []string{"clang-19", "cc"}
	}
	return map[string][]string{"arm64": {"aarch64-linux-gnu-gcc"}, "amd64": {"x86_64-linux-gnu-gcc"}}[arch]
}

func findCompiler(arch string) (string, error) {
	for _, name := range compilers(arch) {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the software Metal for %s needs a compiler of C: %s", arch, strings.Join(compilers(arch), " or "))
}

// Build compiles the library for an architecture (amd64, arm64) into the user's
// cache, if it is not there, and returns its path.
func Build(arch string) (path string, err error) {
	compiler, err := findCompiler(arch)
	if err != nil {
		return "", err
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	sources, err := readSources()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("libswmetal-%s-%s.so", arch, sources.key(compiler, arch)))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, sources.compile(compiler, path)
}

func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "mlxc", "swmetal")
	return dir, os.MkdirAll(dir, 0o755)
}

// A source is a file below the folder in which all are compiled.
type source struct{ name, text string }

type sources []source

// readSources gives the files in the order of their names.
func readSources() (s sources, err error) {
	for _, tree := range []struct {
		files fs.FS
		into  string
	}{{native, "softmetal"}, {msl.Executor, "msl"}} {
		err := fs.WalkDir(tree.files, "native", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(tree.files, path)
			s = append(s, source{tree.into + strings.TrimPrefix(path, "native"), string(text)})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s sources) key(compiler, arch string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q", compiler, arch, flags, libraries)
	for _, f := range s {
		fmt.Fprintf(h, "%q %q", f.name, f.text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func (s sources) compile(compiler, path string) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), "build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := append([]string{}, flags...)
	for _, f := range s {
		at := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, []byte(f.text), 0o644); err != nil {
			return err
		}
		if ext := filepath.Ext(f.name); ext == ".c" || ext == ".S" {
			args = append(args, f.name)
		}
	}
	args = append(append(args, "-o", "libswmetal.so"), libraries...)
	c := exec.Command(compiler, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", compiler, err, out)
	}
	return os.Rename(filepath.Join(dir, "libswmetal.so"), path)
}
