package softmetal

import (
	"errors"
	"os"
	"runtime"

	"github.com/mlxc/mlxc/internal/msl"
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
	if err := msl.Available(); err != nil {
		return err
	}
	_, err := findCompiler(runtime.GOARCH)
	return err
}

// build makes the library for an architecture and the compiler of kernels.
func build(arch string) (library, compiler string, err error) {
	if err := Available(); err != nil {
		return "", "", err
	}
	if library, err = Build(arch); err != nil {
		return "", "", err
	}
	compiler, err = msl.Build()
	return library, compiler, err
}

// Env builds what programs of an architecture need and returns the variables that
// lead them there, as for exec.Cmd.Env.
func Env(arch string) ([]string, error) {
	library, compiler, err := build(arch)
	return []string{libraryVariable + "=" + library, compilerVariable + "=" + compiler}, err
}

// Setup is Env for the process itself, unless its environment has both. It comes
// before the library is loaded.
func Setup() error {
	if os.Getenv(libraryVariable) != "" && os.Getenv(compilerVariable) != "" {
		return nil
	}
	library, compiler, err := build(runtime.GOARCH)
	if err != nil {
		return err
	}
	return errors.Join(os.Setenv(libraryVariable, library), os.Setenv(compilerVariable, compiler))
}
