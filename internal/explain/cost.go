package explain

import (
	"github.com/mlxc/mlxc/ir"
)

// A Machine is the limits that costs are held against.
type Machine struct {
	Name      string  `json:"name"`
	FLOPs     float64 `json:"flops"`     // f32 operations a second
	Bandwidth float64 `json:"bandwidth"` // bytes a second, from and to memory
}

// Machines are what is assumed where nothing was measured.
var Machines = map[ir.Target]Machine{
	ir.CPU:   {"one core with AVX2 at 3.5 GHz (two FMAs of 8 lanes a cycle)", 112e9, 25e9},
	ir.Metal: {"Apple M2 with 10 GPU cores, as announced in June 2022", 3.6e12, 100e9},
}

// A Cost is what ir.Work counts, and the least time that it takes on the machine:
// that of the operations or of the bytes, whichever is longer.
type Cost struct {
	FLOPs     float64 `json:"flops"`
	Read      float64 `json:"read"`      // bytes
	Written   float64 `json:"written"`   // bytes
	Intensity float64 `json:"intensity"` // operations per byte; 0 where there are no bytes
	Time      float64 `json:"time"`      // seconds
	Bound     string  `json:"bound"`     // memory or compute: what the time is that of
}

// roofline is the cost of work on a machine.
func (m Machine) roofline(w ir.Work) Cost {
	bytes := w.Read + w.Written
	c := Cost{FLOPs: w.FLOPs, Read: w.Read, Written: w.Written, Time: bytes / m.Bandwidth, Bound: "memory"}
	if t := w.FLOPs / m.FLOPs; t > c.Time {
		c.Time, c.Bound = t, "compute"
	}
	if bytes > 0 {
		c.Intensity = w.FLOPs / bytes
	}
	return c
}

// Least is the time of a cost on another machine.
func (m Machine) Least(c Cost) float64 {
	return m.roofline(ir.Work{FLOPs: c.FLOPs, Read: c.Read, Written: c.Written}).Time
}

// sum is the cost of one launch after another. It is bound by what most of the time
// is bound by.
func sum(launches []Launch) Cost {
	var work ir.Work
	time := map[string]float64{}
	for _, l := range launches {
		work = work.Add(ir.Work{FLOPs: l.FLOPs, Read: l.Read, Written: l.Written})
		time[l.Bound] += l.Time
	}
	total := Machine{FLOPs: 1, Bandwidth: 1}.roofline(work)
	total.Time, total.Bound = time["memory"]+time["compute"], "memory"
	if time["compute"] > time["memory"] {
		total.Bound = "compute"
	}
	return total
}
