package msl

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// writeLines writes the line table of an object beside it, for the executor: rows of an
// address in hex and the line of the text from there on, 0 where there is none.
func writeLines(object string) error {
	file, err := elf.Open(object)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := file.DWARF()
	if err != nil {
		return err
	}
	var b strings.Builder
	for r := data.Reader(); ; {
		unit, err := r.Next()
		if err != nil {
			return err
		}
		if unit == nil {
			break
		}
		r.SkipChildren()
		lines, err := data.LineReader(unit)
		if err != nil {
			return err
		}
		if lines == nil {
			continue
		}
		for {
			var e dwarf.LineEntry
			if err := lines.Next(&e); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			line := e.Line
			if e.EndSequence || e.File == nil || !strings.HasSuffix(e.File.Name, "metal") {
				line = 0
			}
			fmt.Fprintf(&b, "%x %d\n", e.Address, line)
		}
	}
	return os.WriteFile(object+".lines", []byte(b.String()), 0o644)
}
