module bakehouse/interop/contract-go

go 1.26.4

require github.com/ibm-hyper-protect/contract-go/v2 v2.40.1

require (
	github.com/Masterminds/semver/v3 v3.5.0 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2 // indirect
	golang.org/x/text v0.14.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)
