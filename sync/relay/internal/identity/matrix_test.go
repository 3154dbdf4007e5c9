package identity

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealdesk/app/inbox"
)

// The words of testdata/matrix.txt.
var (
	matrixRoles = map[string]inbox.Role{
		"agent": inbox.Agent, "supervisor": inbox.Supervisor, "privacy officer": inbox.PrivacyOfficer, "it admin": inbox.ITAdmin, "auditor": inbox.Auditor,
	}
	matrixActions = map[string]inbox.Action{
		"read": inbox.ActRead, "send": inbox.ActSend, "note": inbox.ActNote, "assign": inbox.ActAssign, "set state": inbox.ActSetState,
		"consent": inbox.ActConsent, "costs": inbox.ActCosts, "oversee": inbox.ActOversee, "reveal": inbox.ActReveal, "decide": inbox.ActDecide,
		"look up": inbox.ActLookUp, "devices": inbox.ActDevices, "wipe": inbox.ActWipe, "offboard": inbox.ActOffboard, "audit": inbox.ActAudit,
		"prove": inbox.ActProve, "holdings": inbox.ActHoldings, "admit": inbox.ActAdmit,
		"tag": inbox.ActTag, "task": inbox.ActTask, "organise": inbox.ActOrganise, "report": inbox.ActReport,
	}
	// Whom it is done to, for each word of the table.
	matrixReach = map[string][]string{
		"no":     nil,
		"here":   {"a conversation of oneself here", "a conversation of somebody else here", "a conversation of nobody here"},
		"self":   {"oneself"},
		"team":   {"oneself", "an agent of the team", "an agent of the team who has left"},
		"anyone": {"oneself", "an agent of the team", "an agent of the team who has left", "a supervisor of the team", "an agent of another team", "a supervisor of another team", "somebody of another team who has left", "an auditor of the team", "an it admin of another team"},
	}
)

// readMatrix returns what the table allows: for each action and role the word, and which actions must be fresh.
func readMatrix(t *testing.T) (allowed map[inbox.Action]map[inbox.Role]string, fresh map[inbox.Action]bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "matrix.txt"))
	if err != nil {
		t.Fatal(err)
	}
	allowed, fresh = map[inbox.Action]map[inbox.Role]string{}, map[inbox.Action]bool{}
	var columns []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "---") || strings.TrimSpace(line) == "" {
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			columns = cells
			continue
		}
		action, ok := matrixActions[cells[0]]
		if !ok || allowed[action] != nil || len(cells) != len(columns) {
			t.Fatalf("row %q", cells[0])
		}
		allowed[action] = map[inbox.Role]string{}
		for i, column := range columns[1:] {
			cell := cells[i+1]
			if column == "fresh" {
				fresh[action] = cell == "yes"
				continue
			}
			role, ok := matrixRoles[column]
			if _, known := matrixReach[cell]; !ok || !known {
				t.Fatalf("row %q, column %q: %q", cells[0], column, cell)
			}
			allowed[action][role] = cell
		}
	}
	if len(allowed) != len(matrixActions) || len(columns) != len(matrixRoles)+2 {
		t.Fatalf("%d actions, %d columns", len(allowed), len(columns))
	}
	return allowed, fresh
}

func TestWhoMayDoWhatIsExactlyTheTable(t *testing.T) {
	allowed, fresh := readMatrix(t)
	person := func(id inbox.PersonID, role inbox.Role, team inbox.TeamID) inbox.Person {
		return inbox.Person{ID: id, Role: role, Team: team, Inboxes: []inbox.InboxID{"north", "west"}}
	}
	cells, yes := 0, 0
	for role := range 9 { // roles 0 and above 5 are nobody's
		for _, team := range []inbox.TeamID{"desk", ""} { // who has no team has one with those who have none either
			me := person("me", inbox.Role(role), team)
			to := map[string]inbox.Subject{
				"oneself":                               me.Subject(),
				"a conversation of oneself here":        {Inbox: "north", Assignee: "me"},
				"a conversation of somebody else here":  {Inbox: "west", Assignee: "other"},
				"a conversation of nobody here":         {Inbox: "north"},
				"a conversation of oneself elsewhere":   {Inbox: "south", Assignee: "me"},
				"a conversation of somebody elsewhere":  {Inbox: "south", Assignee: "other"},
				"nothing":                               {},
				"an agent of the team":                  person("p1", inbox.Agent, team).Subject(),
				"a supervisor of the team":              person("p2", inbox.Supervisor, team).Subject(),
				"an auditor of the team":                person("p3", inbox.Auditor, team).Subject(),
				"an agent of another team":              person("p4", inbox.Agent, "yard").Subject(),
				"a supervisor of another team":          person("p5", inbox.Supervisor, "yard").Subject(),
				"an it admin of another team":           person("p6", inbox.ITAdmin, "yard").Subject(),
				"an agent of the team who has left":     left(person("p7", inbox.Agent, team)).Subject(),
				"somebody of another team who has left": left(person("p8", inbox.PrivacyOfficer, "yard")).Subject(),
			}
			for _, reach := range matrixReach {
				for _, whom := range reach {
					if _, ok := to[whom]; !ok {
						t.Fatalf("nobody is %q", whom)
					}
				}
			}
			for action := range 32 { // 0 and above 22 are no actions
				a := inbox.Action(action)
				word := allowed[a][me.Role]
				if word == "" {
					word = "no"
				}
				for _, whom := range slices.Sorted(maps.Keys(to)) {
					want := slices.Contains(matrixReach[word], whom)
					if got := inbox.Can(me, a, to[whom]); (got == nil) != want || got != nil && got != inbox.RefusedRight {
						t.Errorf("%s in team %q, action %d, %s: %v, want %v", me.Role, team, a, whom, got, want)
					}
					if inbox.Can(left(me), a, to[whom]) == nil {
						t.Errorf("%s who has left, action %d, %s: allowed", me.Role, a, whom)
					}
					nobody := me
					nobody.ID = ""
					if to[whom].Person != nil && inbox.Can(nobody, a, to[whom]) == nil {
						t.Errorf("%s without an id, action %d, %s: allowed", me.Role, a, whom)
					}
					cells++
					if want {
						yes++
					}
				}
				if inbox.Fresh(a) != fresh[a] {
					t.Errorf("action %d: fresh %v", a, inbox.Fresh(a))
				}
			}
		}
	}
	if cells < 1500 || yes < 200 {
		t.Errorf("only %d cells, %d of them allowed", cells, yes)
	}
}

func left(p inbox.Person) inbox.Person {
	p.Left = 1
	return p
}
