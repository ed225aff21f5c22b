package runtime

import (
	"context"
	"slices"
	"time"
)

// A turn is launches that follow one another on one device and begin together.
type turn struct {
	first, end int // launches
	onCPU      bool
	await      int // launches below it that are not OnCPU must have ended

	// Of a turn that begins a round of a loop that may have ended before:
	known  int // once launches below it have ended, the loop has said whether it goes on
	behind int // the turn behind the loop, 0 for all other turns
}

const (
	// turnLength is how many launches a turn has at most that is not on the CPU: a call
	// is cancelled between turns, and a GPU's system kills what takes it about ten
	// seconds.
	turnLength = 512

	// roundsLength is how many launches of a loop that may end are a turn at least, if
	// the loop has them, and none is on the CPU: that many keep a GPU busy while it is
	// seen that the turn before has ended.
	roundsLength = 32
)

// An endingLoop is one that may end before its last round, not all of it on the CPU.
type endingLoop struct {
	ends   []int // the launches that end rounds, but for the last
	behind int   // the launch behind the loop
	onBoth bool  // a part of each round is on the CPU
}

// takeTurns cuts launches where the device changes, where the CPU waits, and between rounds.
func takeTurns(launches []Launch, loops []endingLoop) (turns []turn) {
	cut := map[int]bool{} // before these launches
	for _, l := range launches {
		cut[l.Await] = true
	}
	loop := map[int]*endingLoop{} // of which these launches begin a round
	for i := range loops {
		cut[loops[i].behind] = true
		for _, end := range loops[i].ends {
			loop[end+1] = &loops[i]
		}
	}
	for i, l := range launches {
		if n := len(turns); n > 0 {
			last := &turns[n-1]
			length := i - last.first
			isRound := loop[i] != nil && (loop[i].onBoth || length >= roundsLength)
			if last.onCPU == l.OnCPU && l.Await <= last.await && !cut[i] && !isRound && (l.OnCPU || length < turnLength) {
				last.end = i + 1
				continue
			}
		}
		t := turn{first: i, end: i + 1, onCPU: l.OnCPU, await: l.Await}
		if r := loop[i]; r != nil {
			t.known, t.behind = r.ends[0]+1, r.behind
		}
		turns = append(turns, t)
	}
	keepTwo(turns)
	for i := range turns {
		if t := &turns[i]; t.behind > 0 {
			t.behind, _ = slices.BinarySearchFunc(turns, t.behind, func(t turn, launch int) int { return t.first - launch })
		}
	}
	return turns
}

// keepTwo lets a turn of a device wait for the one before the last, so that one is at work
// while the next is prepared, and no more is left to run when a call is cancelled.
func keepTwo(turns []turn) {
	before, last := 0, 0 // where they end
	for i := range turns {
		if t := &turns[i]; !t.onCPU {
			t.await, before, last = before, last, t.end
		}
	}
}

// run runs all launches and waits for them. It returns how long the device was at work, 0
// where that is not known.
func (b *boundVariant) run(ctx context.Context) (time.Duration, error) {
	err := b.begin(ctx)
	t, failure := b.recording.End()
	if err == nil {
		err = failure
	}
	return t, err
}

// begin begins one turn after another, the device's while the CPU goes on. Rounds of a loop
// that has ended are left out as soon as that is seen, which costs no wait: until then some
// are run that change nothing.
func (b *boundVariant) begin(ctx context.Context) error {
	ended, begun := 0, 0 // launches below it that have, begun of the device alone
	for i := 0; i < len(b.turns); i++ {
		t := &b.turns[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.await > ended {
			if err := b.recording.Wait(t.await); err != nil {
				return err
			}
			ended = t.await
		}
		if begun <= ended {
			ended = t.first
		}
		if t.behind > 0 && ended >= t.known && b.launches[t.first-1].Going.Bytes[0] == 0 {
			i = t.behind - 1
			continue
		}
		if err := b.recording.Begin(ctx, t.first, t.end); err != nil {
			return err
		}
		if !t.onCPU {
			begun = t.end
		}
	}
	return nil
}
