//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"context"
	"time"

	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

// A part is launches that make one command buffer. The system kills one that takes
// about ten seconds, and nothing can be cancelled within it, so that long programs
// are cut. A part has something to run.
type part struct{ first, end int }

// partLength is how many launches a part has at most.
const partLength = 512

// arrange finds the parts, and places barriers: that of a launch that is left out
// falls to the next that is not.
func (r *recording) arrange() error {
	r.parts = r.parts[:0]
	waits := false
	for first := 0; first < len(r.launches); first += partLength {
		p := part{first, min(first+partLength, len(r.launches))}
		runs := false
		for i := p.first; i < p.end; i++ {
			l, s := &r.launches[i], &r.slots[i]
			if s.err != nil {
				return r.failed(i, s.err)
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
			waits, runs = false, true
		}
		if runs {
			r.parts = append(r.parts, p)
		}
	}
	r.stale = false
	return nil
}

// Run submits one part after another. A part is encoded while the GPU works on the
// one before, and committed when that is done: Metal does not order command buffers
// by memory that it does not track.
func (r *recording) Run(ctx context.Context) (time.Duration, error) {
	if r.stale {
		if err := r.arrange(); err != nil {
			return 0, err
		}
	}
	if len(r.parts) == 0 {
		return 0, ctx.Err()
	}
	var atWork time.Duration
	next, err := r.encode(r.parts[0])
	for i := range r.parts {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		current := next
		next = mtl.CommandBuffer{}
		mtl.Pool(func() {
			current.Commit()
			if i+1 < len(r.parts) {
				next, err = r.encode(r.parts[i+1])
			}
			t, failure := r.finish(current, r.parts[i])
			atWork += t
			if failure != nil {
				err = failure
			}
		})
	}
	next.Close()
	return atWork, err
}

// encode writes a command buffer, which the caller closes.
func (r *recording) encode(p part) (c mtl.CommandBuffer, err error) {
	mtl.Pool(func() {
		if c, err = r.device.queue.NewCommandBuffer(); err != nil {
			return
		}
		var e mtl.Encoder
		if e, err = c.NewEncoder(); err != nil {
			return
		}
		c.Retain()
		r.batch.Send(e, r.slots[p.first].first, r.slots[p.end-1].first+messagesOfLaunch)
		e.End()
	})
	if err != nil {
		return mtl.CommandBuffer{}, failed(err)
	}
	return c, nil
}

// finish waits for a command buffer and closes it. It is called within a pool.
func (r *recording) finish(c mtl.CommandBuffer, p part) (time.Duration, error) {
	defer c.Close()
	c.Wait()
	if c.Status() != mtl.Completed {
		return 0, r.failure(p, c.Err())
	}
	return time.Duration(c.Seconds() * float64(time.Second)), nil
}
