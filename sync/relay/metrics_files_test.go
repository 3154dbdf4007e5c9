package relay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// registered are the names of all metrics, as they are asked for: a histogram has three.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	r := newRelay(t, nil)
	descs := make(chan *prometheus.Desc, 1000)
	r.metrics.registry.Describe(descs)
	close(descs)
	names := map[string]bool{"up": true}
	for d := range descs {
		name := regexp.MustCompile(`fqName: "([^"]*)"`).FindStringSubmatch(d.String())[1]
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			names[name+suffix] = true
		}
	}
	if !names["sealdesk_webhooks_total"] || !names["sealdesk_certificate_expiry_timestamp_seconds"] {
		t.Fatal("the registry was not read")
	}
	return names
}

var named = regexp.MustCompile(`\b(sealdesk|process|go)_[a-z0-9_]+\b|\bup\b`)

// Every metric the dashboard and the alert rules ask for is one the relay has.
func TestTheDashboardAndTheAlertsAskForWhatThereIs(t *testing.T) {
	names := registered(t)
	folder := filepath.Join("..", "..", "packaging", "relay")
	var asked []string

	text, err := os.ReadFile(filepath.Join(folder, "grafana", "sealdesk-relay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if p.Title == "" || ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d has no title, another's id, or no place", p.ID)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			asked = append(asked, q.Expr)
		}
	}

	text, err = os.ReadFile(filepath.Join(folder, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	alerts := map[string]bool{}
	for _, g := range rules.Groups {
		for _, a := range g.Rules {
			if alerts[a.Alert] || !strings.HasPrefix(a.Alert, "Sealdesk") || a.Labels["severity"] == "" || a.Annotations["summary"] == "" || a.Annotations["action"] == "" {
				t.Errorf("%s is there twice, or does not say what to do", a.Alert)
			}
			alerts[a.Alert] = true
			asked = append(asked, a.Expr)
		}
	}
	if len(asked) < 30 {
		t.Fatalf("%d expressions", len(asked))
	}
	for _, expr := range asked {
		found := named.FindAllString(expr, -1)
		if len(found) == 0 {
			t.Errorf("it asks for nothing of ours: %s", expr)
		}
		for _, name := range found {
			if !names[name] {
				t.Errorf("there is no %s: %s", name, expr)
			}
		}
	}

	text, err = os.ReadFile(filepath.Join(folder, "prometheus.yml"))
	var scrape map[string]any
	if err != nil || yaml.Unmarshal(text, &scrape) != nil || scrape["scrape_configs"] == nil {
		t.Errorf("prometheus.yml: %v", err)
	}
}
