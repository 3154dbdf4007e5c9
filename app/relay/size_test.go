package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealdesk/packaging/dev/figure"
	"sealdesk/sync/relay"
)

// BenchmarkSize runs the program itself, has WhatsApp write to it from 2,000 customers, and weighs it: what a message costs on the
// disk once it is taken in, and how much memory the process has at rest, at its most, and afterwards. Whoever buys a machine asks
// for that. Messages are text, of 7 to 120 letters; files of customers come on top.
func BenchmarkSize(b *testing.B) {
	const first, last = 10_000, 60_000
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	program := filepath.Join(dir, "sealdesk-relay") // by this name the tests' program is the relay's: see TestMain
	if err := os.Symlink(self, program); err != nil {
		b.Fatal(err)
	}
	addresses := make([]string, 3)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		addresses[i] = l.Addr().String()
		l.Close()
	}
	config := filepath.Join(dir, "r", "relay.toml")
	var said bytes.Buffer
	start := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(b.Context(), program, append([]string{"--config", config}, args...)...)
		cmd.Stdout, cmd.Stderr = &said, &said
		return cmd
	}
	if err := start("init", "--public", addresses[0], "--devices", addresses[0], "--webhooks", addresses[1], "--ops", addresses[2], "--number", "+493023125000",
		"--phone-number-id", "106540352242922", "--app-secret", "bench", "--token", "t", "--api", "http://127.0.0.1:9").Run(); err != nil {
		b.Fatalf("%v: %s", err, said.String())
	}
	serve := start("serve")
	if err := serve.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		serve.Process.Signal(os.Interrupt)
		serve.Wait()
	}()
	// metric is a figure the relay tells Prometheus; below 0 while it does not answer.
	metric := func(name string) float64 {
		res, err := http.Get("http://" + addresses[2] + "/metrics")
		if err != nil {
			return -1
		}
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
				n, _ := strconv.ParseFloat(value, 64)
				return n
			}
		}
		return -1
	}
	until := func(name string, least float64) {
		for end := time.Now().Add(5 * time.Minute); metric(name) < least; time.Sleep(50 * time.Millisecond) { // a real process
			if time.Now().After(end) {
				b.Fatalf("%s never reaches %v: %s", name, least, said.String())
			}
		}
	}
	until("process_resident_memory_bytes", 1)
	time.Sleep(time.Second) // a real process comes to rest
	rest := metric("process_resident_memory_bytes")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50, MaxConnsPerHost: 50}}
	var most atomic.Uint64
	write := func(from, to int) {
		var next atomic.Int64
		next.Store(int64(from))
		var senders sync.WaitGroup
		for range 50 {
			senders.Go(func() {
				for i := int(next.Add(1)) - 1; i < to; i = int(next.Add(1)) - 1 {
					if err := deliver(client, "http://"+addresses[1]+relay.WebhookPath, i); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		senders.Wait()
		most.Store(max(most.Load(), uint64(metric("process_resident_memory_bytes"))))
		until("sealdesk_intake_facts_total", float64(to))
		most.Store(max(most.Load(), uint64(metric("process_resident_memory_bytes"))))
	}
	write(0, first)
	before := weight(b, filepath.Join(dir, "r", "data"))
	began := time.Now()
	write(first, last)
	rate := (last - first) / time.Since(began).Seconds()
	after := weight(b, filepath.Join(dir, "r", "data"))
	time.Sleep(5 * time.Second) // a real process comes to rest again
	at := metric("process_resident_memory_bytes")
	if b.Failed() {
		return
	}
	for _, f := range []figure.Figure{
		{Case: "disk for a message", Ours: (after - before) / (last - first) / 1000, Unit: "KB", Better: figure.Lower,
			Note: fmt.Sprintf("text alone, everything in the data folder; from %d to %d messages of 2,000 customers", first, last)},
		{Case: "memory at rest, empty", Ours: rest / 1e6, Unit: "MB", Better: figure.Lower},
		{Case: "memory at its most", Ours: float64(most.Load()) / 1e6, Unit: "MB", Better: figure.Lower, Note: fmt.Sprintf("while %.0f messages a second were taken in", rate)},
		{Case: "memory after 60,000 messages", Ours: at / 1e6, Unit: "MB", Better: figure.Lower},
	} {
		f.ID = "size"
		b.ReportMetric(f.Ours, strings.ReplaceAll(f.Case, " ", "_")+"_"+f.Unit)
		if err := figure.Emit(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// deliver posts one message as WhatsApp does.
func deliver(client *http.Client, to string, i int) error {
	texts := []string{
		"Guten Tag, ich habe Ihr Angebot bekommen und hätte noch zwei Fragen zur Montage und zum Liefertermin.", "Ok, danke!",
		"Hello, could you tell me whether the kitchen can be delivered before 24 December? My number is +1 555 0123, thanks!",
		"Perfetto, allora ci vediamo martedì alle 10:30 in negozio.", "Bitte senden Sie die Rechnung an k.weber@example.org.",
	}
	from := fmt.Sprintf("4915155%06d", i%2000)
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"493023125000","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Test Person"},"wa_id":%[1]q}],"messages":[{"from":%[1]q,"id":"wamid.HBgNNDkxNTE1NTUwMTAwMRUCABIYIDNBNUY%[2]d","timestamp":"%[3]d","text":{"body":%[4]q},"type":"text"}]},"field":"messages"}]}]}`,
		from, i, time.Now().Unix(), texts[i%len(texts)])
	mac := hmac.New(sha256.New, []byte("bench"))
	mac.Write(body)
	q, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := client.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("a webhook was answered with %d: %w", res.StatusCode, err)
	}
	return nil
}

// weight is what a folder takes of the disk, in bytes.
func weight(b *testing.B, dir string) (sum float64) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += float64(info.Size())
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}
