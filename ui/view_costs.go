package ui

import (
	"errors"
	"strconv"
	"time"

	"sealdesk/app/inbox"
)

// costClasses is the order in which classes are listed and stacked.
var costClasses = []inbox.CostClass{inbox.CostMarketing, inbox.CostUtility, inbox.CostAuthentication, inbox.CostService, inbox.CostFree, inbox.CostUnknown}

func costWord(c inbox.CostClass) string { return costChip(c).Text }

// A CostDay is one row of the table of costs.
type CostDay struct {
	Day    string // as people write it
	Label  string // short, under a column
	Count  []int  // messages by class, in the order of Classes
	Amount []float64
	Billed int
	Sum    string
	Total  bool
}

// A CostsView is what WhatsApp billed in a month.
type CostsView struct {
	Classes []inbox.CostClass // those that occur, in their order
	Days    []CostDay         // every day of the month up to today, oldest first
	Rows    []CostDay         // days with messages, newest first, and the total
	Sum     string
	Line    string // the total in words
	Note    string // what the amount leaves out; "" for nothing
	Money   bool   // columns are amounts; else messages
	Empty   bool
	Code    string
}

// dayForm is how days are written in questions and answers.
const dayForm = time.DateOnly

// monthBounds are the first and last day of the month a time lies in.
func monthBounds(at time.Time) (from, to time.Time) {
	from = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 1, -1)
}

func costsView(c inbox.Costs, month time.Time, t clock) CostsView {
	v := CostsView{Code: c.Currency}
	from, to := monthBounds(month)
	if today := t.now.Time().UTC(); today.Before(to) {
		to = today
	}
	seen := map[inbox.CostClass]bool{}
	by := map[string]map[inbox.CostClass]inbox.CostLine{}
	var amount int64
	var messages, billed int
	for _, l := range c.Lines {
		if by[l.Day] == nil {
			by[l.Day] = map[inbox.CostClass]inbox.CostLine{}
		}
		seen[l.Class] = true
		by[l.Day][l.Class] = l
		amount += l.Amount
		messages += l.Messages
		billed += l.Billed
	}
	for _, class := range costClasses {
		if seen[class] {
			v.Classes = append(v.Classes, class)
		}
	}
	v.Money, v.Empty = amount > 0, messages == 0
	v.Sum = money(amount, c.Currency)
	v.Line = word("costs.line", "Billed", grouped(billed), "Messages", grouped(messages))
	if c.Unpriced > 0 {
		v.Note = count("costs.unpriced", c.Unpriced)
	}
	total := CostDay{Day: word("costs.total"), Count: make([]int, len(v.Classes)), Amount: make([]float64, len(v.Classes)), Billed: billed, Sum: v.Sum, Total: true}
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		row := CostDay{Day: dayName(d), Label: strconv.Itoa(d.Day()), Count: make([]int, len(v.Classes)), Amount: make([]float64, len(v.Classes))}
		var sum int64
		for i, class := range v.Classes {
			l := by[d.Format(dayForm)][class]
			row.Count[i], row.Amount[i] = l.Messages, float64(l.Amount)/1e6
			row.Billed += l.Billed
			sum += l.Amount
			total.Count[i] += l.Messages
			total.Amount[i] += row.Amount[i]
		}
		row.Sum = money(sum, c.Currency)
		v.Days = append(v.Days, row)
	}
	for i := len(v.Days) - 1; i >= 0; i-- {
		n := 0
		for _, c := range v.Days[i].Count {
			n += c
		}
		if n > 0 {
			v.Rows = append(v.Rows, v.Days[i])
		}
	}
	v.Rows = append(v.Rows, total)
	return v
}

// dayName is a day with its weekday. Days of bills are days in UTC, whatever the clock of the reader says.
func dayName(d time.Time) string {
	month := word("month." + strconv.Itoa(int(d.Month())) + ".short")
	return word("weekday."+strconv.Itoa(int(d.Weekday()))+".short") + ", " + word("date.short", "Day", d.Day(), "Month", month)
}

// money writes millionths of a currency's unit, to the cent.
func money(amount int64, currency string) string {
	cents := (amount + 5000) / 10000
	sign := ""
	if amount < 0 {
		cents, sign = (-amount+5000)/10000, "−"
	}
	tail := strconv.FormatInt(cents%100, 10)
	if len(tail) == 1 {
		tail = "0" + tail
	}
	text := sign + grouped(int(cents/100)) + word("number.decimal") + tail
	if currency != "" {
		text += " " + currency
	}
	return text
}

// monthName is a month with its year.
func monthName(at time.Time) string {
	return word("date.month", "Month", word("month."+strconv.Itoa(int(at.Month()))), "Year", at.Year())
}

// askProblem is why a question had no answer: icon, title, advice.
func askProblem(err error, offline bool) (icon, title, advice string) {
	switch {
	case offline:
		return "wifi-off", word("costs.offline"), word("costs.offline.text")
	case errors.Is(err, inbox.RefusedRight):
		return "lock", word("why.right"), ""
	}
	return "warn", word("costs.error"), word("costs.error.text")
}

// costTip says what one column stands for.
func costTip(v CostsView, i int) string {
	if i < 0 || i >= len(v.Days) {
		return ""
	}
	d := v.Days[i]
	n := 0
	for _, c := range d.Count {
		n += c
	}
	return d.Day + " · " + count("costs.messages", n) + " · " + d.Sum
}

// conversationCost is the line of the contact panel.
func conversationCost(c inbox.Costs, from, to time.Time) FieldView {
	var amount int64
	var billed, messages int
	by := map[string]float64{}
	for _, l := range c.Lines {
		amount += l.Amount
		billed += l.Billed
		messages += l.Messages
		by[l.Day] += float64(l.Amount)
	}
	f := FieldView{Label: word("contact.cost"), Text: money(amount, c.Currency), Detail: word("contact.cost.line", "Billed", grouped(billed), "Messages", grouped(messages))}
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		f.Plot = append(f.Plot, by[d.Format(dayForm)])
	}
	if amount == 0 {
		f.Plot = nil
	}
	return f
}
