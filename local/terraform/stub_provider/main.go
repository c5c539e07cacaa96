// A provider that has the schemas of a real one and does nothing: enough for OpenTofu to check a configuration, and to
// run its tests with mock_provider, where neither the real provider nor its cloud can be had.
//
// Named terraform-provider-NAME_vVERSION, it reads NAME.json beside itself: one provider of
// local/terraform/provider_schemas.py.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type     json.RawMessage `json:"type"`
	Nested   *nested         `json:"nested_type"`
	Required bool            `json:"required"`
	Optional bool            `json:"optional"`
	Computed bool            `json:"computed"`
}

type nested struct {
	Attributes map[string]attribute `json:"attributes"`
	Nesting    string               `json:"nesting_mode"`
}

type block struct {
	Attributes map[string]attribute   `json:"attributes"`
	Blocks     map[string]nestedBlock `json:"block_types"`
}

type nestedBlock struct {
	Block   block  `json:"block"`
	Nesting string `json:"nesting_mode"`
	Min     int64  `json:"min_items"`
	Max     int64  `json:"max_items"`
}

type schema struct {
	Block block `json:"block"`
}

type schemas struct {
	Provider  schema            `json:"provider"`
	Resources map[string]schema `json:"resource_schemas"`
	Data      map[string]schema `json:"data_source_schemas"`
}

var attributeNesting = map[string]tfprotov6.SchemaObjectNestingMode{
	"single": tfprotov6.SchemaObjectNestingModeSingle,
	"list":   tfprotov6.SchemaObjectNestingModeList,
	"set":    tfprotov6.SchemaObjectNestingModeSet,
	"map":    tfprotov6.SchemaObjectNestingModeMap,
}

var blockNesting = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"map":    tfprotov6.SchemaNestedBlockNestingModeMap,
}

func attributesOf(given map[string]attribute) []*tfprotov6.SchemaAttribute {
	var made []*tfprotov6.SchemaAttribute
	for name, one := range given {
		attribute := &tfprotov6.SchemaAttribute{
			Name: name, Required: one.Required, Optional: one.Optional, Computed: one.Computed,
		}
		if one.Nested != nil {
			attribute.NestedType = &tfprotov6.SchemaObject{
				Attributes: attributesOf(one.Nested.Attributes), Nesting: attributeNesting[one.Nested.Nesting],
			}
		} else {
			type_, err := tftypes.ParseJSONType(one.Type) //nolint:staticcheck
			if err != nil {
				log.Fatalf("attribute %s: %s", name, err)
			}
			attribute.Type = type_
		}
		made = append(made, attribute)
	}
	return made
}

func blockOf(given block) *tfprotov6.SchemaBlock {
	made := &tfprotov6.SchemaBlock{Attributes: attributesOf(given.Attributes)}
	for name, one := range given.Blocks {
		made.BlockTypes = append(made.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Block: blockOf(one.Block), Nesting: blockNesting[one.Nesting], MinItems: one.Min, MaxItems: one.Max,
		})
	}
	return made
}

func schemasOf(given map[string]schema) map[string]*tfprotov6.Schema {
	made := map[string]*tfprotov6.Schema{}
	for name, one := range given {
		made[name] = &tfprotov6.Schema{Block: blockOf(one.Block)}
	}
	return made
}

// Whatever is not answered here is never asked: plans are made by mock_provider.
type provider struct {
	tfprotov6.ProviderServer
	schemas schemas
}

func (p *provider) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	answer := &tfprotov6.GetMetadataResponse{ServerCapabilities: &tfprotov6.ServerCapabilities{GetProviderSchemaOptional: true}}
	for name := range p.schemas.Resources {
		answer.Resources = append(answer.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range p.schemas.Data {
		answer.DataSources = append(answer.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return answer, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider:          &tfprotov6.Schema{Block: blockOf(p.schemas.Provider.Block)},
		ResourceSchemas:   schemasOf(p.schemas.Resources),
		DataSourceSchemas: schemasOf(p.schemas.Data),
	}, nil
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) GetFunctions(context.Context, *tfprotov6.GetFunctionsRequest) (*tfprotov6.GetFunctionsResponse, error) {
	return &tfprotov6.GetFunctionsResponse{}, nil
}

func (p *provider) ValidateProviderConfig(_ context.Context, asked *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: asked.Config}, nil
}

func (p *provider) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (p *provider) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

// The state of an earlier run of a test is as it was written.
func (p *provider) UpgradeResourceState(_ context.Context, asked *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	type_ := blockOf(p.schemas.Resources[asked.TypeName].Block).ValueType()
	value, err := asked.RawState.Unmarshal(type_)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(type_, value)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	name := regexp.MustCompile(`^terraform-provider-(\w+)_v`).FindStringSubmatch(filepath.Base(program))
	if name == nil {
		log.Fatalf("%s is not named terraform-provider-NAME_vVERSION", program)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(program), name[1]+".json"))
	if err != nil {
		log.Fatal(err)
	}
	stub := &provider{}
	if err := json.Unmarshal(text, &stub.schemas); err != nil {
		log.Fatal(err)
	}
	if err := tf6server.Serve("stub/"+name[1], func() tfprotov6.ProviderServer { return stub }); err != nil {
		log.Fatal(err)
	}
}
