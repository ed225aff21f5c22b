package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// partsPerThread is into how many parts a grid is divided for each thread. More
// than one, so that a thread on a slow or busy core leaves its share to others.
const partsPerThread = 4

// spins is how often a worker looks for work before it parks: some tens of
// microseconds. Waking a parked thread takes longer than many kernels do.
const spins = 1 << 14

// maxThreads keeps the number of parts within the 16 bits that state has for it.
const maxThreads = 1 << 10

// A pool is persistent workers that take parts of one launch at a time. A part is
// fixed by the launch, who computes it is not: the calling goroutine takes parts
// like any worker, so that it never waits for one that is still waking up.
type pool struct {
	mu      sync.Mutex   // held by the call that has the workers
	threads atomic.Int32 // with the calling goroutine; 0: not decided yet
	workers []*worker    // threads-1 of them, once a call has needed them
	active  atomic.Bool  // a call has the pool, so looking for work is worth while

	// The launch. It is read only by who has claimed one of its parts, and changes
	// only when all parts are done.
	kernel Kernel
	call   *Call
	points int
	failed atomic.Pointer[PanicError]

	_     [128]byte     // apart from what is only read
	state atomic.Uint64 // number of the launch (32 bits), its parts (16), parts claimed (16)
	_     [128]byte
	done  atomic.Int32 // parts computed
	_     [128]byte
}

// workers of the process.
var shared pool

type worker struct {
	parked atomic.Bool // to be woken by wake; whoever sets it to false sends
	quit   atomic.Bool
	wake   chan struct{}
	gone   chan struct{}
}

// SetThreads sets how many threads compute, the calling goroutine included, in
// all models of the process. Less than 1 stands for GOMAXPROCS, the default. It
// waits for a call that is running. Results do not depend on it.
func SetThreads(n int) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.stop()
	shared.threads.Store(int32(threads(n)))
}

// Threads is the number of threads that compute, the calling goroutine included.
func Threads() int {
	if n := shared.threads.Load(); n > 0 {
		return int(n)
	}
	return threads(0)
}

func threads(n int) int {
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, maxThreads)
}

// start makes the workers, unless they are there.
func (p *pool) start() {
	if p.threads.Load() == 0 {
		p.threads.Store(int32(threads(0)))
	}
	for len(p.workers) < int(p.threads.Load())-1 {
		w := &worker{wake: make(chan struct{}, 1), gone: make(chan struct{})}
		p.workers = append(p.workers, w)
		go p.serve(w)
	}
}

func (p *pool) stop() {
	for _, w := range p.workers {
		w.quit.Store(true)
		w.unpark()
		<-w.gone
	}
	p.workers = nil
}

// serve is the life of a worker.
func (p *pool) serve(w *worker) {
	defer close(w.gone)
	for idle := 0; !w.quit.Load(); {
		switch {
		case p.take():
			idle = 0
		case p.active.Load() && idle < spins:
			idle++
		default:
			w.park(p)
			idle = 0
		}
	}
}

// park sleeps until unpark. What changed just before it slept is seen by one of
// the two: the worker looks again after it has said that it sleeps.
func (w *worker) park(p *pool) {
	w.parked.Store(true)
	if (p.open() || w.quit.Load()) && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}

func (w *worker) unpark() {
	if w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

func (p *pool) open() bool {
	s := p.state.Load()
	return s&0xffff < s>>16&0xffff
}

// take computes a part of the launch; false means that none was left.
func (p *pool) take() bool {
	s := p.state.Load()
	parts, part := int(s>>16&0xffff), int(s&0xffff)
	if part == parts {
		return false
	}
	if !p.state.CompareAndSwap(s, s+1) {
		return true // others were faster; look again
	}
	lo, hi := p.points*part/parts, p.points*(part+1)/parts
	if err := protect(p.kernel, p.call, lo, hi); err != nil {
		p.failed.CompareAndSwap(nil, err)
	}
	p.done.Add(1)
	return true
}

// launch computes all points in so many parts.
func (p *pool) launch(k Kernel, c *Call, points, parts int) *PanicError {
	p.kernel, p.call, p.points = k, c, points
	p.failed.Store(nil)
	p.done.Store(0)
	p.state.Store((p.state.Load()>>32+1)<<32 | uint64(parts)<<16)
	for _, w := range p.workers[:min(len(p.workers), parts-1)] {
		w.unpark()
	}
	for p.take() {
	}
	for idle := 1; int(p.done.Load()) < parts; idle++ {
		if idle%spins == 0 {
			runtime.Gosched() // the worker may be waiting for this very processor
		}
	}
	return p.failed.Load()
}
