package codegen

import (
	"go/token"
	"strings"
	"unicode"

	"github.com/mlxc/mlxc/ir"
)

// goName turns a name of the model into an exported Go name: train_step becomes
// TrainStep.
func goName(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	if name := b.String(); name != "" && unicode.IsLetter(rune(name[0])) {
		return name
	}
	return "X" + b.String()
}

// lowerName is goName with a small first letter, and never a keyword or a
// predeclared name.
func lowerName(s string) string {
	n := []rune(goName(s))
	n[0] = unicode.ToLower(n[0])
	name := string(n)
	if token.IsKeyword(name) || predeclared[name] {
		return name + "_"
	}
	return name
}

// predeclared are names that the generated files use and that a kernel or an
// argument must not hide.
var predeclared = map[string]bool{
	"bool": true, "byte": true, "error": true, "float32": true, "float64": true, "int": true, "int8": true, "int16": true,
	"int32": true, "int64": true, "string": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
	"true": true, "false": true, "nil": true, "min": true, "max": true, "len": true, "append": true, "copy": true, "any": true,
	"cpu": true, "math": true, "runtime": true, "context": true, "ctx": true, "s": true, "m": true, "err": true, "out": true,
}

func dimName(d *ir.Dim) string {
	if d.Counter {
		return "round" + goName(d.Name)
	}
	return "dim" + goName(d.Name)
}
