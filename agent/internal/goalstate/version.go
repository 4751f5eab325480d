package goalstate

import (
	"fmt"
	"strconv"
	"strings"
)

// olderThan compares dotted numbers; what is missing is 0.
func olderThan(a, b string) (bool, error) {
	x, err := numbers(a)
	if err != nil {
		return false, err
	}
	y, err := numbers(b)
	if err != nil {
		return false, err
	}
	for i := range max(len(x), len(y)) {
		if p, q := at(x, i), at(y, i); p != q {
			return p < q, nil
		}
	}
	return false, nil
}

func numbers(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%.40q is no version", s)
		}
		list = append(list, n)
	}
	return list, nil
}

func at(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}
