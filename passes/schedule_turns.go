package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// turnsOf cuts straight steps further, where the device changes: each part is ordered for
// itself, since a change waits for all that runs. They change as rarely as what the steps
// need of one another allows.
func turnsOf(parts [][]*ir.Step) [][]*ir.Step {
	var all [][]*ir.Step
	for _, steps := range parts {
		first := steps[0].Device
		if !slices.ContainsFunc(steps, func(s *ir.Step) bool { return s.Device != first }) {
			all = append(all, steps)
			continue
		}
		waits := hazards(steps)
		turns := turnsFrom(steps, waits, ir.OnCPU)
		if other := turnsFrom(steps, waits, ir.OnGPU); len(other) < len(turns) {
			turns = other
		}
		all = append(all, turns...)
	}
	return all
}

// turnsFrom lets the devices take turns, beginning with one of them: each does all that it
// can.
func turnsFrom(steps []*ir.Step, waits [][]ir.Hazard, on ir.Device) (turns [][]*ir.Step) {
	done := make([]bool, len(steps))
	for left := len(steps); left > 0; on = theOther(on) {
		var turn []*ir.Step
		for i, s := range steps {
			if !done[i] && s.Device == on && !slices.ContainsFunc(waits[i], func(h ir.Hazard) bool { return !done[h.After] }) {
				done[i], turn = true, append(turn, s)
			}
		}
		if left -= len(turn); len(turn) > 0 {
			turns = append(turns, turn)
		}
	}
	return turns
}

func theOther(d ir.Device) ir.Device {
	if d == ir.OnCPU {
		return ir.OnGPU
	}
	return ir.OnCPU
}
