package relay

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// runGauges tell whoever runs the relay what will trouble him next. They are read when somebody asks.
type runGauges struct{ r *Relay }

var (
	buildDesc   = prometheus.NewDesc("sealdesk_build_info", "1, and the version of the program.", []string{"version"}, nil)
	certDesc    = prometheus.NewDesc("sealdesk_certificate_expiry_timestamp_seconds", "When the certificate in force ends, as Unix time.", nil, nil)
	freeDesc    = prometheus.NewDesc("sealdesk_data_free_bytes", "Room left on the disk of the data folder.", nil, nil)
	shippedDesc = prometheus.NewDesc("sealdesk_backup_shipping", "1 if a sealed backup is configured.", nil, nil)
	failingDesc = prometheus.NewDesc("sealdesk_backup_failing", "1 while the sealed backup cannot be written.", nil, nil)
	lagDesc     = prometheus.NewDesc("sealdesk_backup_lag_seconds", "How old the oldest commit is that is on this disk alone.", nil, nil)
	baseDesc    = prometheus.NewDesc("sealdesk_backup_base_timestamp_seconds", "When the newest whole copy was begun, as Unix time; absent without one.", nil, nil)
	drillDesc   = prometheus.NewDesc("sealdesk_backup_drill_timestamp_seconds", "When a restore was last tried and was well, as Unix time; absent if never.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g runGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildDesc, certDesc, freeDesc, shippedDesc, failingDesc, lagDesc, baseDesc, drillDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g runGauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	tell(buildDesc, 1, cmp.Or(g.r.version, "unknown"))
	tell(certDesc, float64(g.r.certs.expiry().Unix()))
	if free, err := roomOn(g.r.cfg.Data); err == nil {
		tell(freeDesc, float64(free))
	}
	if at, err := g.r.LastDrill(ctx); err == nil && at != 0 {
		tell(drillDesc, float64(at.Time().Unix()))
	}
	s, err := g.r.BackupState(ctx)
	if err != nil {
		return
	}
	tell(shippedDesc, yesNo(s.Shipping))
	if !s.Shipping {
		return
	}
	tell(failingDesc, yesNo(s.Failing != ""))
	tell(lagDesc, s.Lag.Seconds())
	if s.Base != 0 {
		tell(baseDesc, float64(s.Base.Time().Unix()))
	}
}

func yesNo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
