package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// This file says what the tables of the installer must hold. Nothing else checks them: wixl takes what it is given, and
// Windows tells an administrator that it did not work, not why.

// msiTables are tables of an installer by name: rows of values by column.
type msiTables map[string][]map[string]string

// msiTableNames are those that msiFaults looks at.
var msiTableNames = []string{"Property", "Component", "File", "Registry", "Shortcut", "Icon", "Upgrade", "LaunchCondition", "AppSearch", "RegLocator", "CustomAction", "InstallExecuteSequence"}

func (b *build) readMSI(ctx context.Context, log *os.File, msi string) (msiTables, error) {
	t := msiTables{}
	for _, name := range msiTableNames {
		text, err := call{log: log}.output(ctx, "msiinfo", "export", msi, name)
		if err != nil {
			return nil, fmt.Errorf("reading the installer's table %s: %w", name, err)
		}
		t[name] = parseIDT(text)
	}
	return t, nil
}

// parseIDT reads a table in Windows Installer's text form: a line of columns, one of types, one of keys, then the rows.
func parseIDT(text string) (rows []map[string]string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	columns := strings.Split(lines[0], "\t")
	for _, line := range lines[min(3, len(lines)):] {
		values := strings.Split(line, "\t")
		if len(values) != len(columns) {
			continue // the empty line at the end
		}
		row := map[string]string{}
		for i, name := range columns {
			row[name] = values[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// msiPromise is a row that must be there once, for what it means.
type msiPromise struct {
	table string
	row   map[string]string // the columns that matter
	why   string
}

// Attributes of Windows Installer, as "Component Table", "Custom Action Types", "Upgrade Table" and "RegLocator Table" of its
// reference have them.
const (
	msi64bit          = "256"  // msidbComponentAttributes64bit
	msi64bitRegistry  = "260"  // and msidbComponentAttributesRegistryKeyPath
	msiRunAsUser      = "1042" // 18, a program that is installed, in the script (1024), as the user who asked; its failure counts
	msiRunAsSystem    = "3170" // 34, a command in a folder, in the script (1024), with the installer's rights (2048); its failure does not count (64)
	msiSetProperty    = "51"
	msiMigrate        = "1" // msidbUpgradeAttributesMigrateFeatures, the maximum not included
	msiOnlyDetect     = "2" // msidbUpgradeAttributesOnlyDetect
	msiRawValue64     = "18"
	hiveLocalMachine  = "2"
	sealdeskInstalled = "[#sealdesk.exe]"
)

func msiPromises(version string) []msiPromise {
	type row = map[string]string
	property := func(name, value, why string) msiPromise {
		return msiPromise{"Property", row{"Property": name, "Value": value}, why}
	}
	registry := func(key, name, value, component, why string) msiPromise {
		return msiPromise{"Registry", row{"Root": hiveLocalMachine, "Key": key, "Name": name, "Value": value, "Component_": component}, why}
	}
	upgradeCode := msiCode("upgrade")
	return []msiPromise{
		property("ALLUSERS", "1", "it is installed for the whole machine"),
		property("ProductVersion", version, "it is of this version"),
		property("ProductCode", msiCode("product "+version), "each version is a product of its own, and always the same"),
		property("UpgradeCode", upgradeCode, "every version knows the others by it"),
		property("ARPPRODUCTICON", "sealdesk.ico", "the list of installed programs shows the icon"),
		property("SecureCustomProperties", "WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;RELAYURL;RELAYPIN;KEPTRELAYURL;KEPTRELAYPIN;KEEPCACHE", "what IT says on the command line reaches the installation"),
		{"Component", row{"Component": "Client", "Attributes": msi64bit, "Condition": "", "KeyPath": "sealdesk.exe", "ComponentId": msiCode("component client")}, "the client is always installed, for 64 bit"},
		{"Component", row{"Component": "Texts", "Attributes": msi64bit, "Condition": "", "ComponentId": msiCode("component texts")}, "so are the licences"},
		{"Component", row{"Component": "Updater", "Attributes": msi64bit, "Condition": "", "KeyPath": "update.xml", "ComponentId": msiCode("component updater")}, "so is the task that installs updates"},
		{"Component", row{"Component": "Relay", "Attributes": msi64bitRegistry, "Condition": "RELAYURL AND RELAYPIN", "ComponentId": msiCode("component relay")}, "an address is written only where one is given, and its key"},
		{"File", row{"File": "sealdesk.exe", "FileName": "sealdesk.exe"}, "the client is there"},
		{"File", row{"File": "NOTICES.txt", "FileName": "NOTICES.txt"}, "the licences of what is in it are there"},
		{"File", row{"File": "LICENSE.txt", "FileName": "LICENSE.txt"}, "its own licence is there"},
		{"File", row{"File": "update.xml", "FileName": "update.xml"}, "the task is there to be read"},
		{"Icon", row{"Name": "sealdesk.ico"}, "the icon is inside"},
		{"Shortcut", row{"Directory_": "ProgramMenuFolder", "Name": "Sealdesk", "Target": sealdeskInstalled, "Component_": "Client"}, "the start menu has it"},
		registry(`SOFTWARE\Classes\sealdesk`, "", "URL:Sealdesk", "Client", "links that begin with sealdesk: have a program"),
		registry(`SOFTWARE\Classes\sealdesk`, "URL Protocol", "", "Client", "and are links"),
		registry(`SOFTWARE\Classes\sealdesk\DefaultIcon`, "", `"`+sealdeskInstalled+`",0`, "Client", "with its icon"),
		registry(`SOFTWARE\Classes\sealdesk\shell\open\command`, "", `"`+sealdeskInstalled+`" "%1"`, "Client", "which is told the link as one word"),
		registry(`SOFTWARE\Sealdesk`, "RelayURL", "[RELAYURL]", "Relay", "the address is where the client looks for it"),
		registry(`SOFTWARE\Sealdesk\RelayPin`, "1", "[RELAYPIN]", "Relay", "so is the relay's key"),
		{"Upgrade", row{"UpgradeCode": upgradeCode, "VersionMin": "", "VersionMax": version, "Attributes": msiMigrate, "ActionProperty": "WIX_UPGRADE_DETECTED"}, "an older version is replaced"},
		{"Upgrade", row{"UpgradeCode": upgradeCode, "VersionMin": version, "VersionMax": "", "Attributes": msiOnlyDetect, "ActionProperty": "WIX_DOWNGRADE_DETECTED"}, "a newer one is seen"},
		{"LaunchCondition", row{"Condition": "NOT WIX_DOWNGRADE_DETECTED"}, "and not replaced"},
		{"LaunchCondition", row{"Condition": "Installed OR (VersionNT64 >= 603)"}, "an older Windows is refused"},
		{"AppSearch", row{"Property": "KEPTRELAYURL", "Signature_": "KeptRelay"}, "an upgrade finds the address of before"},
		{"RegLocator", row{"Signature_": "KeptRelay", "Root": hiveLocalMachine, "Key": `SOFTWARE\Sealdesk`, "Name": "RelayURL", "Type": msiRawValue64}, "where it was written"},
		{"CustomAction", row{"Action": "RecallRelay", "Type": msiSetProperty, "Source": "RELAYURL", "Target": "[KEPTRELAYURL]"}, "and keeps it"},
		{"AppSearch", row{"Property": "KEPTRELAYPIN", "Signature_": "KeptPin"}, "and its key"},
		{"RegLocator", row{"Signature_": "KeptPin", "Root": hiveLocalMachine, "Key": `SOFTWARE\Sealdesk\RelayPin`, "Name": "1", "Type": msiRawValue64}, "where that was written"},
		{"CustomAction", row{"Action": "RecallPin", "Type": msiSetProperty, "Source": "RELAYPIN", "Target": "[KEPTRELAYPIN]"}, "and keeps it too"},
		{"CustomAction", row{"Action": "WipeCache", "Type": msiRunAsUser, "Source": "sealdesk.exe", "Target": "--wipe"}, "the client wipes its cache, as the user who asked for the removal"},
		{"CustomAction", row{"Action": "AddTask", "Type": msiRunAsSystem, "Source": "INSTALLDIR", "Target": addTask}, "Windows is told of the task"},
		{"CustomAction", row{"Action": "RemoveTask", "Type": msiRunAsSystem, "Source": "INSTALLDIR", "Target": removeTask}, "and forgets it"},
		{"CustomAction", row{"Action": "RemoveSeen", "Type": msiRunAsSystem, "Source": "INSTALLDIR", "Target": removeSeen}, "what the updater remembers goes too"},
		{"InstallExecuteSequence", row{"Action": "RecallRelay", "Condition": "KEPTRELAYURL AND NOT RELAYURL"}, "a new address wins over an old one"},
		{"InstallExecuteSequence", row{"Action": "RecallPin", "Condition": "KEPTRELAYPIN AND NOT RELAYPIN"}, "and a new key over an old one"},
		{"InstallExecuteSequence", row{"Action": "WipeCache", "Condition": `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND NOT KEEPCACHE`}, "the cache is wiped when the program goes, and not when it is upgraded"},
		{"InstallExecuteSequence", row{"Action": "AddTask", "Condition": `NOT REMOVE="ALL"`}, "the task is there after every installation and upgrade"},
		{"InstallExecuteSequence", row{"Action": "RemoveTask", "Condition": `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE`}, "and goes with the program alone"},
		{"InstallExecuteSequence", row{"Action": "RemoveSeen", "Condition": `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE`}, "and only then"},
	}
}

// msiOrder is what must follow on what: an upgrade inside the transaction, and a wipe before anything else has changed.
var msiOrder = []string{
	"FindRelatedProducts", "AppSearch", "RecallRelay", "RecallPin", "LaunchConditions", "CostFinalize", "InstallValidate", "InstallInitialize",
	"RemoveExistingProducts", "WipeCache", "RemoveTask", "RemoveSeen", "ProcessComponents", "RemoveFiles", "InstallFiles", "WriteRegistryValues", "RegisterProduct", "AddTask", "InstallFinalize",
}

// msiFaults compares the tables of an installer with what it promises; nil is none.
func msiFaults(t msiTables, version string) (faults []string) {
	for _, p := range msiPromises(version) {
		n := 0
		for _, row := range t[p.table] {
			fits := true
			for column, value := range p.row {
				fits = fits && row[column] == value
			}
			if fits {
				n++
			}
		}
		if n != 1 {
			faults = append(faults, fmt.Sprintf("%s: %d rows of table %s where one must be like %v", p.why, n, p.table, p.row))
		}
	}
	last := 0
	for _, action := range msiOrder {
		i := slices.IndexFunc(t["InstallExecuteSequence"], func(row map[string]string) bool { return row["Action"] == action })
		at := 0
		if i >= 0 {
			at, _ = strconv.Atoi(t["InstallExecuteSequence"][i]["Sequence"])
		}
		if at <= last {
			faults = append(faults, fmt.Sprintf("%s comes at %d, after %d", action, at, last))
		}
		last = max(last, at)
	}
	for _, row := range t["Registry"] {
		if strings.HasSuffix(row["Key"], `\`) {
			faults = append(faults, "a registry key ends in a backslash: "+row["Key"])
		}
	}
	return faults
}
