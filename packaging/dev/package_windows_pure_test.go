package main

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// kept is an installer whose tables hold what is promised and nothing else.
func kept(version string) msiTables {
	t := msiTables{}
	for _, p := range msiPromises(version) {
		if p.table != "InstallExecuteSequence" {
			t[p.table] = append(t[p.table], maps.Clone(p.row))
		}
	}
	for i, action := range msiOrder {
		row := map[string]string{"Action": action, "Sequence": fmt.Sprint(100 * (i + 1))}
		for _, p := range msiPromises(version) {
			if p.table == "InstallExecuteSequence" && p.row["Action"] == action {
				row["Condition"] = p.row["Condition"]
			}
		}
		t["InstallExecuteSequence"] = append(t["InstallExecuteSequence"], row)
	}
	return t
}

func TestAnInstallerThatBreaksAPromiseIsFound(t *testing.T) {
	if faults := msiFaults(kept("1.2.3"), "1.2.3"); len(faults) > 0 {
		t.Fatalf("nothing is wrong, and yet: %q", faults)
	}
	set := func(table, column, from, to string) func(msiTables) {
		return func(m msiTables) {
			for _, row := range m[table] {
				if row[column] == from {
					row[column] = to
					return
				}
			}
			t.Fatalf("no %s = %q in table %s", column, from, table)
		}
	}
	for _, c := range []struct {
		rule   string
		damage func(msiTables)
		says   string
	}{
		{"for one user only", set("Property", "Property", "ALLUSERS", "MSIINSTALLPERUSER"), "for the whole machine"},
		{"another upgrade code", set("Property", "Value", msiCode("upgrade"), msiCode("something else")), "knows the others"},
		{"the wipe runs as the system", set("CustomAction", "Type", msiRunAsUser, "3090"), "as the user who asked"},
		{"a failed wipe does not count", set("CustomAction", "Type", msiRunAsUser, "1106"), "wipes its cache"},
		{"the wipe runs on upgrade", set("InstallExecuteSequence", "Condition", `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND NOT KEEPCACHE`, `REMOVE="ALL"`), "not when it is upgraded"},
		{"the wipe comes when the program is gone", set("InstallExecuteSequence", "Sequence", "1000", "1350"), "ProcessComponents comes at 1300, after 1350"},
		{"the old version goes before the transaction", set("InstallExecuteSequence", "Sequence", "900", "750"), "RemoveExistingProducts comes at 750"},
		{"the newest version goes too", set("Upgrade", "Attributes", msiOnlyDetect, "0"), "a newer one is seen"},
		{"a link of several words", set("Registry", "Value", `"`+sealdeskInstalled+`" "%1"`, `"`+sealdeskInstalled+`" %1`), "as one word"},
		{"wixl's trailing backslash", set("Registry", "Key", `SOFTWARE\Classes\sealdesk\DefaultIcon`, `SOFTWARE\Classes\sealdesk\DefaultIcon\`), "ends in a backslash"},
		{"a component without its condition", set("Component", "Condition", "RELAYURL AND RELAYPIN", ""), "only where one is given"},
		{"the task is told with a user's rights", set("CustomAction", "Type", msiRunAsSystem, "1122"), "Windows is told of the task"},
		{"an upgrade removes the task", set("InstallExecuteSequence", "Condition", `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE`, `REMOVE="ALL"`), "goes with the program alone"},
		{"the task before its file", set("InstallExecuteSequence", "Sequence", "1800", "1350"), "AddTask comes at 1350"},
		{"a row that stands twice", func(m msiTables) { m["Shortcut"] = append(m["Shortcut"], m["Shortcut"][0]) }, "2 rows of table Shortcut"},
		{"no wipe at all", func(m msiTables) {
			m["InstallExecuteSequence"] = slices.DeleteFunc(m["InstallExecuteSequence"], func(r map[string]string) bool { return r["Action"] == "WipeCache" })
		}, "WipeCache comes at 0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := kept("1.2.3")
			c.damage(m)
			if said := strings.Join(msiFaults(m, "1.2.3"), "\n"); !strings.Contains(said, c.says) {
				t.Errorf("it says %q, not %q", said, c.says)
			}
		})
	}
}

func TestIDTIsReadByColumn(t *testing.T) {
	rows := parseIDT("Action\tType\tSource\r\ns72\ti2\tS72\r\nCustomAction\tAction\r\nWipe\t1042\t\r\nRecall\t51\tRELAYURL\r\n")
	want := []map[string]string{{"Action": "Wipe", "Type": "1042", "Source": ""}, {"Action": "Recall", "Type": "51", "Source": "RELAYURL"}}
	if !slices.EqualFunc(rows, want, maps.Equal) {
		t.Errorf("read %v", rows)
	}
	if rows := parseIDT(""); len(rows) > 0 {
		t.Errorf("an empty table has rows: %v", rows)
	}
}

// The codes are in installed machines' registries: one that changes leaves an old version behind.
func TestInstallerCodesNeverChange(t *testing.T) {
	for name, want := range map[string]string{
		"upgrade": "{2A179E8F-E5FB-55F0-BF3B-984110F1F848}", "component client": "{11035081-AA49-5F74-8168-85E14FBFEAE7}",
		"component texts": "{4ABF14B9-F5BF-5E4A-A86C-C4149D9B37A7}", "component relay": "{6664122E-B6E1-5C58-856C-A01D75DB51BF}",
		"component updater": "{D275D90E-C1A7-5B21-AC7E-2106287058FE}",
	} {
		if got := msiCode(name); got != want {
			t.Errorf("%s: %s, was %s", name, got, want)
		}
	}
	if ok := regexp.MustCompile(`^\{[0-9A-F]{8}-[0-9A-F]{4}-5[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}\}$`).MatchString(msiCode("product 1.2.3")); !ok {
		t.Errorf("not a UUID of version 5: %s", msiCode("product 1.2.3"))
	}
}

// The task is written as schtasks reads it, starts the installed program as the system, and gives it nothing but the order.
func TestTheTaskOfWindowsInstallsUpdatesAsTheSystem(t *testing.T) {
	to := filepath.Join(t.TempDir(), "update.xml")
	b := &build{dev: &dev{root: filepath.Join("..", "..")}}
	if err := b.windowsTask(to); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	var units []uint16
	for pair := range slices.Chunk(raw, 2) {
		units = append(units, binary.LittleEndian.Uint16(pair))
	}
	text, marked := strings.CutPrefix(string(utf16.Decode(units)), "\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n")
	if !marked {
		t.Fatalf("it begins with % x", raw[:min(8, len(raw))])
	}
	var task struct {
		Every    string `xml:"Triggers>TimeTrigger>Repetition>Interval"`
		User     string `xml:"Principals>Principal>UserId"`
		Late     bool   `xml:"Settings>StartWhenAvailable"`
		Twice    string `xml:"Settings>MultipleInstancesPolicy"`
		Program  string `xml:"Actions>Exec>Command"`
		Argument string `xml:"Actions>Exec>Arguments"`
	}
	if err := xml.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	if task.User != "S-1-5-18" || task.Program != `%ProgramFiles%\Sealdesk\`+windowsProgram || task.Argument != "--install-update" {
		t.Errorf("it runs %q %q as %s", task.Program, task.Argument, task.User)
	}
	if task.Every != "PT6H" || !task.Late || task.Twice != "IgnoreNew" {
		t.Errorf("it runs every %s, late: %v, when it runs already: %s", task.Every, task.Late, task.Twice)
	}
}

func TestCodeIsSignedWithWhatTheKeyNeeds(t *testing.T) {
	for rule, c := range map[string]struct {
		key  codeKey
		want string
	}{
		"a file":           {codeKey{key: "k.pem", passphrase: "p"}, "-key k.pem -readpass p"},
		"a token":          {codeKey{key: "pkcs11:object=code", module: "m.so", passphrase: "pin"}, "-pkcs11module m.so -key pkcs11:object=code -readpass pin"},
		"a service's time": {codeKey{key: "k.pem", chain: "c.pem", timestamp: "http://time.example"}, "-key k.pem -ac c.pem -ts http://time.example"},
		"a trial's time":   {codeKey{key: "k.pem", tsa: "t.pem", tsaKey: "t.key"}, "-key k.pem -TSA-certs t.pem -TSA-key t.key"},
	} {
		if got := strings.Join(c.key.signArgs(), " "); got != c.want {
			t.Errorf("%s: %q, want %q", rule, got, c.want)
		}
	}
}
