package main

import (
	"bytes"

	"howett.net/plist"
)

const (
	appID        = "app.sealdesk.client"
	darwinFolder = "packaging/darwin/"
	// The UUIDs name these payloads for good: with others, a machine would take a new version of the profile for another one.
	profileUUID = "7C1B7A52-6F0E-4C0B-9C55-5EA1DE5C0001"
	payloadUUID = "7C1B7A52-6F0E-4C0B-9C55-5EA1DE5C0002"
)

// darwin makes a configuration profile and, for who puts it together in a tool, the preferences in it (Apple, "Configuration
// Profile Reference"). Every key a Mac obeys is in them with a sample.
func darwin(list map[string][]byte) error {
	preferences := samples("darwin")
	if err := write(list, darwinFolder+appID+".plist", preferences); err != nil {
		return err
	}
	payload := samples("darwin")
	for k, v := range map[string]any{"PayloadType": appID, "PayloadVersion": 1, "PayloadIdentifier": appID + ".policy.settings", "PayloadUUID": payloadUUID, "PayloadDisplayName": "Sealdesk"} {
		payload[k] = v
	}
	return write(list, darwinFolder+appID+".mobileconfig", map[string]any{
		"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": appID + ".policy", "PayloadUUID": profileUUID, "PayloadScope": "System",
		"PayloadDisplayName": "Sealdesk", "PayloadDescription": said["description"].In("en"), "PayloadRemovalDisallowed": true,
		"PayloadContent": []any{payload},
	})
}

func write(list map[string][]byte, name string, v any) error {
	b, err := plist.MarshalIndent(v, plist.XMLFormat, "  ")
	list[name] = append(bytes.TrimSpace(b), '\n')
	return err
}

// samples are a value for each key a system obeys.
func samples(system string) map[string]any {
	out := map[string]any{}
	for _, d := range obeyed(system) {
		out[string(d.Key)] = d.Sample
	}
	return out
}
