package repack

import (
	"runtime"
	"sync"
)

// parallel does things in order, several at a time, up to the first that fails.
func parallel(n int, do func(i int) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next, failed, first := 0, n, error(nil)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				stop := i >= failed
				mu.Unlock()
				if stop {
					return
				}
				if err := do(i); err != nil {
					mu.Lock()
					if i < failed {
						failed, first = i, err
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}
