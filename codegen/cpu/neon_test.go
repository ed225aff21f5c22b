package cpu

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/ir"
)

// The words of NEON are what an assembler makes of the instructions beside them: all of
// the table, with several registers, and those of whole routines.
func TestNEONWords(t *testing.T) {
	var lines []string
	for name, i := range neonWords {
		operands := strings.Count(i.operands, "%d") - 1
		for _, regs := range [][3]int{{0, 0, 1}, {31, 0, 1}, {0, 31, 1}, {0, 0, 31}, {5, 10, 21}} {
			lines = append(lines, neonWord(name, regs[0], regs[1:1+operands]...))
		}
	}
	slices.Sort(lines)
	for _, panels := range []ir.DType{ir.F32, ir.F16, ir.BF16} {
		lines = append(lines, strings.Split(microNEON("micro", 6, panels), "\n")...)
	}
	lines = append(lines, strings.Split(weighNEON("weigh"), "\n")...)
	word := regexp.MustCompile(`WORD \$0x([0-9a-f]{8}) // (.*)`)
	var want []uint32
	var text strings.Builder
	for _, l := range lines {
		if m := word.FindStringSubmatch(l); m != nil {
			n, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, uint32(n))
			fmt.Fprintln(&text, m[2])
		} else if strings.Contains(l, "WORD") {
			t.Errorf("no instruction beside %s", l)
		}
	}
	got := assembleARM64(t, text.String())
	if len(got) != len(want) {
		t.Fatalf("%d words, want %d", len(want), len(got))
	}
	instructions := strings.Split(text.String(), "\n")
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s is %#08x, want %#08x", instructions[i], want[i], got[i])
		}
	}
}

// assembleARM64 is the words of assembly in the way of Arm's manual.
func assembleARM64(t *testing.T, text string) []uint32 {
	const clang = "clang-19"
	if _, err := exec.LookPath(clang); err != nil {
		required.Skip(t, err)
	}
	source := filepath.Join(t.TempDir(), "words.s")
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	object := source + ".o"
	if out, err := exec.Command(clang, "--target=aarch64-linux-gnu", "-c", "-o", object, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	code, err := f.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	var words []uint32
	for len(code) >= 4 {
		words = append(words, binary.LittleEndian.Uint32(code))
		code = code[4:]
	}
	return words
}
