package seal

import (
	"fmt"
	"testing"
)

// BenchmarkSeal and BenchmarkOpen are what one value costs; the relay's figures rest on them.
func BenchmarkSeal(b *testing.B) {
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		for _, size := range []int{64, 500, 16 << 10} {
			b.Run(fmt.Sprintf("suite %d/%d bytes", suite, size), func(b *testing.B) {
				s := mustSealer(b, suite)
				bucket, plain, key := s.Bucket("log"), make([]byte, size), []byte("row-0001")
				dst := make([]byte, 0, size+bucket.Overhead())
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					dst = bucket.Seal(dst[:0], key, plain)
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, suite := range []Suite{XChaCha20Poly1305, AES256GCM} {
		for _, size := range []int{64, 500, 16 << 10} {
			b.Run(fmt.Sprintf("suite %d/%d bytes", suite, size), func(b *testing.B) {
				s := mustSealer(b, suite)
				bucket, key := s.Bucket("log"), []byte("row-0001")
				sealed := bucket.Seal(nil, key, make([]byte, size))
				dst := make([]byte, 0, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if dst, err = bucket.Open(dst[:0], key, sealed); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkName(b *testing.B) {
	bucket, name := mustSealer(b, XChaCha20Poly1305).Bucket("contact"), []byte("a meaningless id of 32 bytes....")
	b.ReportAllocs()
	for b.Loop() {
		bucket.Name(name)
	}
}
