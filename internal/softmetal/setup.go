package softmetal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// The variables by which programs find the library and the compiler of kernels.
const (
	libraryVariable  = "MLXC_SWMETAL"
	compilerVariable = "MLXC_MSLC"
)

// Available says what this machine lacks to build the library and to compile
// kernels, nil if nothing.
func Available() error {
	if runtime.GOOS != "linux" {
		return errors.New("the software Metal runs on Linux")
	}
	if _, err := exec.LookPath("clang-19"); err != nil {
		return errors.New("the software Metal needs clang-19")
	}
	if _, err := findCompiler(runtime.GOARCH); err != nil {
		return err
	}
	return nil
}

// Env builds what programs of an architecture need and returns the variables that
// lead them there, as for exec.Cmd.Env.
func Env(arch string) ([]string, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	library, err := Build(arch)
	if err != nil {
		return nil, err
	}
	compiler, err := buildCompiler()
	if err != nil {
		return nil, err
	}
	return []string{libraryVariable + "=" + library, compilerVariable + "=" + compiler}, nil
}

// Setup is Env for the process itself. It does not replace what is set, and comes
// before the library is loaded.
func Setup() error {
	if os.Getenv(libraryVariable) != "" && os.Getenv(compilerVariable) != "" {
		return nil
	}
	if err := Available(); err != nil {
		return err
	}
	library, err := Build(runtime.GOARCH)
	if err != nil {
		return err
	}
	compiler, err := buildCompiler()
	if err != nil {
		return err
	}
	return errors.Join(os.Setenv(libraryVariable, library), os.Setenv(compilerVariable, compiler))
}

// buildCompiler builds the compiler of kernels for this machine. The go command
// caches its work; a compiler that runs is not disturbed.
func buildCompiler() (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, "mslc")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	built, path := filepath.Join(tmp, "mslc"), filepath.Join(dir, "mslc")
	c := exec.Command("go", "build", "-o", built, "github.com/mlxc/mlxc/internal/msl/mslc")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build mslc: %w\n%s", err, out)
	}
	return path, os.Rename(built, path)
}
