package kit

// fenwick holds heights so that changing one and summing a prefix both take logarithmic time
// (P. Fenwick, "A new data structure for cumulative frequency tables", 1994).
type fenwick struct {
	tree   []float64 // 1-based partial sums
	height []float32
}

func (f *fenwick) reset(n int, height func(i int) float32) {
	if cap(f.tree) < n+1 {
		f.tree = make([]float64, n+1, n+1+n/4)
		f.height = make([]float32, n, n+n/4)
	}
	f.tree, f.height = f.tree[:n+1], f.height[:n]
	f.tree[0] = 0
	for i := range n {
		h := height(i)
		f.height[i] = h
		f.tree[i+1] = float64(h)
	}
	for i := 1; i <= n; i++ {
		if p := i + i&-i; p <= n {
			f.tree[p] += f.tree[i]
		}
	}
}

func (f *fenwick) len() int { return len(f.height) }

func (f *fenwick) set(i int, h float32) {
	d := float64(h - f.height[i])
	if d == 0 {
		return
	}
	f.height[i] = h
	for k := i + 1; k < len(f.tree); k += k & -k {
		f.tree[k] += d
	}
}

// before sums the heights of the first i rows.
func (f *fenwick) before(i int) float64 {
	sum := 0.0
	for k := i; k > 0; k -= k & -k {
		sum += f.tree[k]
	}
	return sum
}

// at returns the row that covers position y from the top, and where it starts.
func (f *fenwick) at(y float64) (int, float64) {
	n := f.len()
	if n == 0 {
		return 0, 0
	}
	step := 1
	for step*2 <= n {
		step *= 2
	}
	i, sum := 0, 0.0
	for ; step > 0; step /= 2 {
		if i+step <= n && sum+f.tree[i+step] <= y {
			i += step
			sum += f.tree[i]
		}
	}
	if i >= n {
		i = n - 1
		sum = f.before(i)
	}
	return i, sum
}
