package cpu

import "testing"

// Nothing covers rows of two panels with fewer rows more than pairs does.
func TestPairs(t *testing.T) {
	for rows := range 200 {
		least := rows + 8
		for nines := 0; 9*nines < rows+9; nines++ {
			for eights := 0; 8*eights < rows+8; eights++ {
				rest := max(0, rows-9*nines-8*eights)
				least = min(least, 9*nines+8*eights+(rest+3)/4*4)
			}
		}
		fours, eights, nines := pairs(rows)
		if got := 4*fours + 8*eights + 9*nines; got != least || got > rows+spare || min(fours, eights, nines) < 0 {
			t.Errorf("%d rows: %d fours, %d eights and %d nines are %d, want %d", rows, fours, eights, nines, got, least)
		}
	}
}
