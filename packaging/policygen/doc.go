// Command policygen writes what IT is given to manage the client, from the one table in app/managed: administrative templates
// for Windows, a configuration profile for macOS, a JSON schema and an example for Linux, and the guide's page on policy.
//
//	go run ./packaging/policygen          writes the files, from the folder of the module
//	go run ./packaging/policygen --check  says which of them the table has left behind, and exits with 1
//
// It knows the forms of Microsoft's ADMX and ADML, Apple's profiles and JSON schema. It must not know a key: what the table
// says is all there is. The same table gives the same bytes.
package main
