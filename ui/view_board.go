package ui

import (
	"time"

	"sealdesk/app/inbox"
)

// A BoardTile is one number of a board, with what it counts.
type BoardTile struct {
	Label, Value string
	Tone         Tone
}

// A BoardCard is how an inbox stands, or all of them together.
type BoardCard struct {
	ID    inbox.InboxID // "" for all
	Name  string
	Tiles []BoardTile // first what waits, then what was done
	Hours []BoardHour // none for all
}

// A BoardHour is the traffic of an hour.
type BoardHour struct {
	Label, Tip string
	In, Out    int
}

// boardFirst is how many tiles of a card are about what waits.
const boardFirst = 5

// boardCards puts a board into words: one card for all inboxes when there are several, then one for each.
func boardCards(b inbox.Board, h house, t clock) []BoardCard {
	var out []BoardCard
	var sum inbox.BoardLine
	for _, l := range b.Lines {
		c := BoardCard{ID: l.Inbox, Name: h.inbox(l.Inbox).Name, Tiles: boardTiles(l, b.Now)}
		if c.Name == "" {
			c.Name = string(l.Inbox)
		}
		for _, bin := range l.Hours {
			from, to := t.hour(bin.From), t.hour(bin.From.Add(time.Hour))
			c.Hours = append(c.Hours, BoardHour{Label: from[:2], In: bin.In, Out: bin.Out, Tip: word("board.tip", "From", from, "To", to, "In", grouped(bin.In), "Out", grouped(bin.Out))})
		}
		out = append(out, c)
		sum = boardSum(sum, l)
	}
	if len(out) > 1 {
		out = append([]BoardCard{{Name: word("costs.all"), Tiles: boardTiles(sum, b.Now)}}, out...)
	}
	return out
}

// boardSum adds two lines. Who works in two inboxes counts in both: how many people there are is left out of the sum.
func boardSum(a, b inbox.BoardLine) inbox.BoardLine {
	a.Open += b.Open
	a.Unassigned += b.Unassigned
	a.Waiting += b.Waiting
	a.Overdue += b.Overdue
	a.Snoozed += b.Snoozed
	a.In += b.In
	a.Out += b.Out
	a.Closed += b.Closed
	a.Online = -1
	if a.Longest == 0 || b.Longest != 0 && b.Longest < a.Longest {
		a.Longest = b.Longest
	}
	return a
}

func boardTiles(l inbox.BoardLine, now inbox.Moment) []BoardTile {
	longest := "–"
	if l.Longest != 0 {
		longest = span(max(now.Sub(l.Longest), 0))
	}
	tile := func(key string, n int, tone Tone) BoardTile {
		if n == 0 {
			tone = ToneQuiet
		}
		return BoardTile{Label: word(key), Value: grouped(n), Tone: tone}
	}
	out := []BoardTile{
		tile("board.open", l.Open, ToneQuiet), tile("board.unassigned", l.Unassigned, ToneWarn), tile("board.waiting", l.Waiting, ToneQuiet),
		tile("board.overdue", l.Overdue, ToneDanger), {Label: word("board.longest"), Value: longest},
		tile("board.snoozed", l.Snoozed, ToneQuiet), tile("board.in", l.In, ToneQuiet), tile("board.out", l.Out, ToneQuiet), tile("board.closed", l.Closed, ToneQuiet),
	}
	if l.Online >= 0 {
		out = append(out, tile("board.online", l.Online, ToneOK))
	}
	return out
}
