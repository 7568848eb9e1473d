package calc

import "testing"

func TestAdds(t *testing.T) {
	if got := Add(2, 3); got != 5 {
		t.Fatalf("Add(2, 3) = %d", got)
	}
}

func TestSays(t *testing.T) {
	for _, word := range []string{"plain", `<"é"> & more`} {
		t.Run(word, func(t *testing.T) {
			if word == "" {
				t.Fail()
			}
		})
	}
}

func TestDivides(t *testing.T) {
	t.Skip("not written yet")
}
