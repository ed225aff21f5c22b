package cpu

import (
	"fmt"
	"strings"
)

// neonWords are the instructions of NEON, on numbers of 32 bits but for what their names
// say, that Go's assembler does not know: the word for registers 0, and the operands in
// the way of Arm's manual.
var neonWords = map[string]struct {
	word     uint32
	operands string
}{
	"fadd":   {0x4e20d400, "v%d.4s, v%d.4s, v%d.4s"},
	"fsub":   {0x4ea0d400, "v%d.4s, v%d.4s, v%d.4s"},
	"fmul":   {0x6e20dc00, "v%d.4s, v%d.4s, v%d.4s"},
	"fdiv":   {0x6e20fc00, "v%d.4s, v%d.4s, v%d.4s"},
	"fmax":   {0x4e20f400, "v%d.4s, v%d.4s, v%d.4s"},
	"fmin":   {0x4ea0f400, "v%d.4s, v%d.4s, v%d.4s"},
	"fcmeq":  {0x4e20e400, "v%d.4s, v%d.4s, v%d.4s"},
	"fcmge":  {0x6e20e400, "v%d.4s, v%d.4s, v%d.4s"},
	"fcmgt":  {0x6ea0e400, "v%d.4s, v%d.4s, v%d.4s"},
	"mul":    {0x4ea09c00, "v%d.4s, v%d.4s, v%d.4s"},
	"smax":   {0x4ea06400, "v%d.4s, v%d.4s, v%d.4s"},
	"smin":   {0x4ea06c00, "v%d.4s, v%d.4s, v%d.4s"},
	"fmla":   {0x4f801000, "v%d.4s, v%d.4s, v%d.s[0]"},
	"fsqrt":  {0x6ea1f800, "v%d.4s, v%d.4s"},
	"frintn": {0x4e218800, "v%d.4s, v%d.4s"},
	"frintm": {0x4e219800, "v%d.4s, v%d.4s"},
	"frintp": {0x4ea18800, "v%d.4s, v%d.4s"},
	"frintz": {0x4ea19800, "v%d.4s, v%d.4s"},
	"scvtf":  {0x4e21d800, "v%d.4s, v%d.4s"},
	"mvn":    {0x6e205800, "v%d.16b, v%d.16b"},
	"fneg":   {0x6ea0f800, "v%d.4s, v%d.4s"},
	"fcvtn":  {0x0e216800, "v%d.4h, v%d.4s"},
	"shrn":   {0x0f108400, "v%d.4h, v%d.4s, #16"},
	"fcvtl":  {0x0e217800, "v%d.4s, v%d.4h"},
	"fcvtl2": {0x4e217800, "v%d.4s, v%d.8h"},
	"shll":   {0x2e613800, "v%d.4s, v%d.4h, #16"},
	"shll2":  {0x6e613800, "v%d.4s, v%d.8h, #16"},
	"sshr":   {0x4f200400, "v%d.4s, v%d.4s, #%d"},
}

// neonWord is a line of assembly for one of neonWords: the number of the register for the
// result, and those of the operands, of which the last of a shift is by how much, at
// least 1.
func neonWord(name string, d int, operands ...int) string {
	i := neonWords[name]
	text := []any{d}
	word := i.word | uint32(d)
	for at, n := range operands {
		text = append(text, n)
		if strings.HasSuffix(i.operands, "#%d") && at == 1 {
			n = 32 - n
		}
		word |= uint32(n) << []int{5, 16}[at]
	}
	return fmt.Sprintf("WORD $%#08x // %s %s", word, name, fmt.Sprintf(i.operands, text...))
}
