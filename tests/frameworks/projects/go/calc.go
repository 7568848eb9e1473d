// Package calc is a calculator.
package calc

// Add adds.
func Add(a, b int) int {
	return a + b
}
