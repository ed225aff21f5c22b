package source

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Where and in what precision instructions are computed, as annotations say it.

// A mode is how an instruction is computed, which annotations say.
type mode struct {
	device ir.Device
	accum  ir.DType
}

// What says anyDevice or anyAccum is the same in all modes.
const (
	anyDevice ir.Device = "any"
	anyAccum  ir.DType  = 255
)

var anyMode = mode{anyDevice, anyAccum}

// modeOf is the mode of an instruction.
func modeOf(in *ir.Instr) mode {
	m := mode{in.Device, anyAccum}
	if in.InMemory() {
		m.device = anyDevice
	}
	if t, ok := accumulator(in); ok {
		m.accum = t
	}
	return m
}

// and is the mode of what has parts in both; ok is false if there is none.
func (m mode) and(n mode) (both mode, ok bool) {
	both = m
	if m.device == anyDevice {
		both.device = n.device
	}
	if m.accum == anyAccum {
		both.accum = n.accum
	}
	return both, (n.device == anyDevice || n.device == both.device) && (n.accum == anyAccum || n.accum == both.accum)
}

// annotations say that something is computed in mode m where that around it is in mode outer.
func (m mode) annotations(outer mode) (string, error) {
	var out []string
	if m.device != anyDevice && m.device != outer.device {
		if m.device == ir.OnAny {
			return "", &unsayable{ir.LookupOp("loop"), "within what is placed on a device nothing can be left to the compiler"}
		}
		out = append(out, "@"+string(m.device))
	}
	if m.accum != anyAccum && m.accum != outer.accum {
		if m.accum == ir.Invalid {
			return "", &unsayable{ir.LookupOp("loop"), "within what has a precision nothing can have none"}
		}
		out = append(out, fmt.Sprintf("@precision(accum=%s)", m.accum))
	}
	return strings.Join(out, " "), nil
}

// commonMode is what all instructions of functions agree in; in what they do not, none is said.
func commonMode(fs []*ir.Func, outer mode) mode {
	common := anyMode
	for _, f := range fs {
		for _, g := range f.Bodies() {
			for _, in := range g.Body {
				m := modeOf(in)
				switch {
				case m.device == anyDevice:
				case common.device == anyDevice:
					common.device = m.device
				case common.device != m.device:
					common.device = ir.OnAny
				}
				switch {
				case m.accum == anyAccum:
				case common.accum == anyAccum:
					common.accum = m.accum
				case common.accum != m.accum:
					common.accum = ir.Invalid
				}
			}
		}
	}
	if common.device == anyDevice {
		common.device = outer.device
	}
	if common.accum == anyAccum {
		common.accum = outer.accum
	}
	return common
}

// accumulator is the dtype in which an instruction adds up; ok says that it has one.
func accumulator(in *ir.Instr) (t ir.DType, ok bool) {
	if _, ok := in.Attrs.(ir.Accumulates); !ok || len(in.Args) == 0 || !in.Args[0].Type.DType.IsFloat() {
		return ir.Invalid, false
	}
	return reflect.ValueOf(in.Attrs).FieldByName("Acc").Interface().(ir.DType), true
}
