//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"context"
	"time"

	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

// A turn is launches that are one command buffer, which the GPU has. When it has ended, the
// recording's event has its value.
type turn struct {
	first, end int // launches
	value      uint64
	ended      bool
	buffer     mtl.CommandBuffer
}

// patience is how many milliseconds the host waits for an event before it looks whether the
// GPU has failed, which then gives no value.
const patience = 100

// arrange places barriers: that of a launch that is left out falls to the next that is not.
func (r *recording) arrange() {
	waits := false
	for i := range r.launches {
		l, s := &r.launches[i], &r.slots[i]
		if l.OnCPU {
			continue
		}
		waits = waits || l.Barrier
		switch {
		case l.Grid == 0:
			continue
		case waits:
			r.batch.Barrier(s.first + barrierMessage)
		default:
			r.batch.Omit(s.first + barrierMessage)
		}
		waits = false
	}
	r.stale = false
}

// Begin commits a command buffer, which waits for the one before: Metal does not order them
// by memory that it does not track.
func (r *recording) Begin(_ context.Context, first, end int) error {
	if r.stale {
		r.arrange()
	}
	runs := false
	for i := first; i < end; i++ {
		if err := r.slots[i].err; err != nil {
			return r.failed(i, err)
		}
		runs = runs || r.launches[i].Grid > 0
	}
	if !runs {
		return nil
	}
	var err error
	mtl.Pool(func() {
		for err == nil && len(r.turns) > 0 && r.turns[0].ended {
			err = r.finish()
		}
		if err == nil {
			err = r.commit(first, end)
		}
	})
	return err
}

func (r *recording) commit(first, end int) error {
	c, err := r.device.queue.NewCommandBuffer()
	if err != nil {
		return failed(err)
	}
	if len(r.turns) > 0 {
		c.WaitFor(r.event, r.value)
	}
	e, err := c.NewEncoder()
	if err != nil {
		return failed(err)
	}
	c.Retain()
	r.batch.Send(e, r.slots[first].first, r.slots[end-1].first+messagesOfLaunch)
	e.End()
	r.value++
	c.Signal(r.event, r.value)
	c.Commit()
	r.turns = append(r.turns, turn{first, end, r.value, false, c})
	return nil
}

// Wait waits for the event of the last turn that begins below end.
func (r *recording) Wait(end int) error {
	n := len(r.turns)
	for n > 0 && r.turns[n-1].first >= end {
		n--
	}
	if n == 0 || r.turns[n-1].ended {
		return nil
	}
	var err error
	mtl.Pool(func() {
		for err == nil && !r.event.Wait(r.turns[n-1].value, patience) {
			for i := range r.turns[:n] {
				if err == nil && r.turns[i].buffer.Status() == mtl.Failed {
					err = r.failure(&r.turns[i])
				}
			}
		}
	})
	for i := range r.turns[:n] {
		r.turns[i].ended = err == nil
	}
	return err
}

// End waits for all turns. One that fails gives no value, for which the next waits.
func (r *recording) End() (time.Duration, error) {
	var err error
	mtl.Pool(func() {
		for len(r.turns) > 0 {
			value := r.turns[0].value
			if failure := r.finish(); failure != nil {
				r.event.Set(value)
				if err == nil {
					err = failure
				}
			}
		}
	})
	t := r.atWork
	r.atWork = 0
	return t, err
}

// finish waits for the first turn and closes it. It is called within a pool.
func (r *recording) finish() (err error) {
	t := r.turns[0]
	t.buffer.Wait()
	if t.buffer.Status() == mtl.Completed {
		start, end := t.buffer.Times()
		r.atWork += time.Duration((end - max(start, r.until)) * float64(time.Second))
		r.until = end
	} else {
		err = r.failure(&t)
	}
	t.buffer.Close()
	r.turns = append(r.turns[:0], r.turns[1:]...)
	return err
}
