package relay

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sealdesk/app/inbox"
)

// metrics are counts and durations. No label holds anything about a customer.
type metrics struct {
	registry      *prometheus.Registry
	webhooks      *prometheus.CounterVec
	webhookTime   prometheus.Histogram
	duplicates    prometheus.Counter
	strays        prometheus.Counter
	parked        prometheus.Counter
	nobody        prometheus.Counter
	foreign       prometheus.Counter
	fields        *prometheus.CounterVec
	facts         prometheus.Counter
	batches       prometheus.Counter
	acks          prometheus.Counter
	unknownFrames prometheus.Counter
	refusals      *prometheus.CounterVec
	wishes        *prometheus.CounterVec
	posts         *prometheus.CounterVec
	questions     *prometheus.CounterVec
	mediaFetches  *prometheus.CounterVec
	mediaBytes    prometheus.Counter
	uploads       *prometheus.CounterVec
	reveals       *prometheus.CounterVec
	revealsMany   prometheus.Counter
	remasked      prometheus.Counter
	erased        prometheus.Counter
	guardFound    *prometheus.CounterVec
	guardAlerts   prometheus.Counter
	guardAsked    prometheus.Counter
	updatesServed *prometheus.CounterVec
	updatesBytes  prometheus.Counter
	renewals      *prometheus.CounterVec
	shipped       prometheus.Counter
	shipBytes     prometheus.Counter
	shipFailures  prometheus.Counter
}

// knownFields bounds the label: Meta may invent names, and an attacker with the secret could invent many.
var knownFields = map[string]bool{
	"messages": true, "message_template_status_update": true, "message_template_quality_update": true,
	"message_template_components_update": true, "template_category_update": true, "phone_number_quality_update": true,
	"phone_number_name_update": true, "account_update": true, "account_alerts": true, "account_review_update": true,
	"business_capability_update": true, "security": true, "user_preferences": true, "smb_message_echoes": true,
	"smb_app_state_sync": true, "history": true, "flows": true, "calls": true, "standby": true,
}

func newMetrics(r *Relay) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "sealdesk", Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sealdesk", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.webhooks = counters("webhooks_total", "Webhooks by HTTP status.", "status")
	m.webhookTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "sealdesk", Name: "webhook_seconds", Help: "Time until a webhook was answered.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	m.duplicates = counter("webhook_duplicates_total", "Items Meta delivered again.")
	m.strays = counter("webhook_strays_total", "Webhooks for numbers that are no inbox here.")
	m.parked = counter("intake_parked_total", "Webhooks that could not be turned into facts. Look at the log.")
	m.nobody = counter("intake_nobody_total", "Messages without any identifier of a sender.")
	m.foreign = counter("statuses_foreign_total", "Statuses of messages this relay did not send.")
	m.fields = counters("webhook_fields_total", "Changes that hold no message, by field.", "field")
	m.facts = counter("intake_facts_total", "Items turned into facts.")
	m.batches = counter("sync_batches_total", "Batches sent to devices.")
	m.acks = counter("sync_acks_total", "Acknowledgements of devices.")
	m.unknownFrames = counter("sync_unknown_frames_total", "Frames of a type this relay does not know.")
	m.refusals = counters("sync_refused_total", "Connections refused, by close code.", "code")
	m.wishes = counters("wishes_total", "Wishes of people, by kind and refusal.", "kind", "refusal")
	m.posts = counters("outbound_posts_total", "Posts to WhatsApp by what is known of their fate.", "fate")
	m.questions = counters("questions_total", "Questions of people, by kind and refusal.", "kind", "refusal")
	m.mediaFetches = counters("media_fetch_total", "Files of customers fetched from WhatsApp, by what became of them.", "fate")
	m.mediaBytes = counter("media_serve_bytes_total", "Bytes of files served to devices.")
	m.uploads = counters("uploads_total", "Files handed over by devices, by what became of them.", "result")
	m.reveals = counters("reveals_total", "Steps of looks at what is masked, by state and refusal.", "state", "refusal")
	m.revealsMany = counter("reveals_many_total", "Times a third person saw the same contact within a day.")
	m.remasked = counter("remasked_total", "Earlier messages masked anew because a later one showed what they hold.")
	m.erased = counter("contacts_erased_total", "Contacts the erasure run destroyed.")
	m.guardFound = counters("guard_findings_total", "What the guard found in messages on their way out, by rule and action.", "rule", "action")
	m.guardAlerts = counter("guard_alerts_total", "Messages with something that who watches over the company must know. The audit says which.")
	m.guardAsked = counter("guard_asked_total", "Identifiers whose owner the guard asked for.")
	m.updatesServed = counters("updates_requests_total", "Files of the feed of updates that laptops asked for, by what became of it.", "fate")
	m.updatesBytes = counter("updates_bytes_total", "Bytes of the feed of updates that were served.")
	m.renewals = counters("certificate_renewals_total", "Tries to get a certificate from an authority, by result.", "result")
	m.shipped = counter("backup_increments_total", "Increments of the sealed backup written.")
	m.shipBytes = counter("backup_written_bytes_total", "Bytes written to the folders of the sealed backup.")
	m.shipFailures = counter("backup_failures_total", "Rounds of the sealed backup that failed.")
	m.registry.MustRegister(m.webhookTime, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), gauges{r}, runGauges{r})
	return m
}

func (m *metrics) webhook(status int, took time.Duration) {
	m.webhooks.WithLabelValues(strconv.Itoa(status)).Inc()
	m.webhookTime.Observe(took.Seconds())
}

func (m *metrics) otherField(field string) {
	if !knownFields[field] {
		field = "other"
	}
	m.fields.WithLabelValues(field).Inc()
}

func (m *metrics) refused(code int) { m.refusals.WithLabelValues(strconv.Itoa(code)).Inc() }

func (m *metrics) wish(kind inbox.IntentKind, refusal inbox.Refusal) {
	m.wishes.WithLabelValues(strconv.Itoa(int(kind)), strconv.Itoa(int(refusal))).Inc()
}

func (m *metrics) question(kind inbox.QuestionKind, refusal inbox.Refusal) {
	m.questions.WithLabelValues(strconv.Itoa(int(kind)), strconv.Itoa(int(refusal))).Inc()
}

func (m *metrics) revealed(state inbox.RevealState, refusal inbox.Refusal) {
	m.reveals.WithLabelValues(strconv.Itoa(int(state)), strconv.Itoa(int(refusal))).Inc()
}

func (m *metrics) fetched(fate string) { m.mediaFetches.WithLabelValues(fate).Inc() }

func (m *metrics) posted(fate string) { m.posts.WithLabelValues(fate).Inc() }

// gauges are read from the store when somebody asks.
type gauges struct{ r *Relay }

var (
	sessionsDesc = prometheus.NewDesc("sealdesk_sync_devices", "Devices connected.", nil, nil)
	backlogDesc  = prometheus.NewDesc("sealdesk_intake_backlog", "Webhooks not yet turned into facts.", []string{"inbox"}, nil)
	queueDesc    = prometheus.NewDesc("sealdesk_outbound_queue", "Messages waiting for WhatsApp.", []string{"inbox"}, nil)
	heldDesc     = prometheus.NewDesc("sealdesk_outbound_held", "1 while WhatsApp takes nothing from the number.", []string{"inbox"}, nil)

	incidentsDesc = prometheus.NewDesc("sealdesk_incidents_open", "Incidents nobody has closed, by kind.", []string{"kind"}, nil)
	requestsDesc  = prometheus.NewDesc("sealdesk_requests_open", "Customers' requests about their data that are not settled.", nil, nil)
	overdueDesc   = prometheus.NewDesc("sealdesk_requests_overdue", "Those the law wanted settled by now.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- sessionsDesc
	ch <- backlogDesc
	ch <- queueDesc
	ch <- heldDesc
	ch <- incidentsDesc
	ch <- requestsDesc
	ch <- overdueDesc
	ch <- updatesExpireDesc
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	ch <- prometheus.MustNewConstMetric(sessionsDesc, prometheus.GaugeValue, float64(g.r.sessions.count()))
	g.overseen(ctx, ch)
	g.r.collectUpdates(ch)
	for id, in := range g.r.intakes {
		if n, err := in.backlog(ctx); err == nil {
			ch <- prometheus.MustNewConstMetric(backlogDesc, prometheus.GaugeValue, float64(n), string(id))
		}
		held := 0.0
		if g.r.pipes[id].Held() {
			held = 1
		}
		ch <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, held, string(id))
		if n, err := g.r.pipes[id].QueueLength(ctx); err == nil {
			ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), string(id))
		}
	}
}

// overseen counts what somebody must look at.
func (g gauges) overseen(ctx context.Context, ch chan<- prometheus.Metric) {
	if open, err := g.r.Incidents(ctx, false); err == nil {
		kinds := map[inbox.IncidentKind]int{}
		for _, i := range open {
			kinds[i.Kind]++
		}
		for kind, name := range incidentNames {
			ch <- prometheus.MustNewConstMetric(incidentsDesc, prometheus.GaugeValue, float64(kinds[kind]), strings.ReplaceAll(name, "-", "_"))
		}
	}
	if open, err := g.r.Requests(ctx, false); err == nil {
		overdue, now := 0, inbox.At(g.r.now())
		for _, q := range open {
			if Overdue(q, now) {
				overdue++
			}
		}
		ch <- prometheus.MustNewConstMetric(requestsDesc, prometheus.GaugeValue, float64(len(open)))
		ch <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, float64(overdue))
	}
}
