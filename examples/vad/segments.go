package main

// A segment is where there is speech, in seconds.
type segment struct{ from, to float64 }

// Pauses shorter than these many pieces are part of the speech around them, and speech that
// is shorter is none; what is found begins and ends a piece earlier and later, since sounds
// swell and fade.
const (
	shortPause  = 4
	shortSpeech = 8
	margin      = 1
)

// segments finds where pieces are speech, once one is as likely that as the threshold says,
// and until one is less likely by 0.15, as Silero's own utilities have it.
func segments(speech []float32, threshold float64) []segment {
	const lag = 0.15
	var found [][2]int // first piece, and the one behind the last
	inside := false
	for i, p := range speech {
		switch {
		case !inside && float64(p) >= threshold:
			inside = true
			if n := len(found); n > 0 && i-found[n-1][1] < shortPause {
				found[n-1][1] = i + 1 // it goes on
			} else {
				found = append(found, [2]int{i, i + 1})
			}
		case inside && float64(p) < threshold-lag:
			inside = false
		case inside:
			found[len(found)-1][1] = i + 1
		}
	}
	var all []segment
	for _, f := range found {
		if f[1]-f[0] < shortSpeech {
			continue
		}
		const second = float64(rate) / piece
		all = append(all, segment{float64(max(0, f[0]-margin)) / second, float64(min(len(speech), f[1]+margin)) / second})
	}
	return all
}
