package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// turnsOf cuts straight steps further, where the device changes: each part is ordered for
// itself.
func turnsOf(parts [][]*ir.Step) [][]*ir.Step {
	var all [][]*ir.Step
	for _, steps := range parts {
		if onBoth(steps) {
			all = append(all, takeTurns(steps)...)
		} else {
			all = append(all, steps)
		}
	}
	return all
}

// onBoth reports that steps run on both devices.
func onBoth(steps []*ir.Step) bool {
	return slices.ContainsFunc(steps, func(s *ir.Step) bool { return s.Device != steps[0].Device })
}

// takeTurns lets the devices take turns. A turn of the GPU is all that it can do, since the
// CPU goes on beside it; one of the CPU is what the next of the GPU needs, and the rest comes
// when the GPU has that. First in each is what keeps the other device waiting least: of the
// GPU's what the CPU waits for, of the CPU's what waits for nothing.
func takeTurns(steps []*ir.Step) (turns [][]*ir.Step) {
	waits := hazards(steps)
	done := make([]bool, len(steps))
	for slices.Contains(done, false) {
		gpu := ready(steps, waits, done, ir.OnGPU)
		mark(done, gpu, true)
		cpu := ready(steps, waits, done, ir.OnCPU)
		mark(done, cpu, true)
		if next := ready(steps, waits, done, ir.OnGPU); len(next) > 0 {
			mark(done, cpu, false)
			cpu, _ = parted(cpu, neededBy(waits, next))
			mark(done, cpu, true)
		}
		awaited, others := parted(gpu, neededBy(waits, cpu))
		waiting, free := parted(cpu, inNeedOf(waits, gpu))
		for _, turn := range [][]int{awaited, others, free, waiting} {
			var of []*ir.Step
			for _, i := range turn {
				of = append(of, steps[i])
			}
			if len(of) > 0 {
				turns = append(turns, of)
			}
		}
	}
	return turns
}

// ready is the steps of a device that can run when those that are done have, one after
// the other.
func ready(steps []*ir.Step, waits [][]ir.Hazard, done []bool, on ir.Device) (turn []int) {
	will := slices.Clone(done)
	for i, s := range steps {
		if !done[i] && s.Device == on && !slices.ContainsFunc(waits[i], func(h ir.Hazard) bool { return !will[h.After] }) {
			will[i], turn = true, append(turn, i)
		}
	}
	return turn
}

func mark(done []bool, turn []int, as bool) {
	for _, i := range turn {
		done[i] = as
	}
}

// neededBy is the steps that those of a turn wait for, directly or not.
func neededBy(waits [][]ir.Hazard, turn []int) []bool {
	set := make([]bool, len(waits))
	for i := len(waits) - 1; i >= 0; i-- {
		if set[i] || slices.Contains(turn, i) {
			for _, h := range waits[i] {
				set[h.After] = true
			}
		}
	}
	return set
}

// inNeedOf is the steps that wait for those of a turn, directly or not.
func inNeedOf(waits [][]ir.Hazard, turn []int) []bool {
	set := make([]bool, len(waits))
	for i := range waits {
		set[i] = slices.ContainsFunc(waits[i], func(h ir.Hazard) bool { return set[h.After] || slices.Contains(turn, h.After) })
	}
	return set
}

// parted is the steps of a turn that are in a set, and the others.
func parted(turn []int, set []bool) (in, out []int) {
	for _, i := range turn {
		if set[i] {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	return in, out
}
