// Package elastic refuses to reach Elasticsearch. It stands in for the package of
// the same path and declares what the Temporal server compiles against: the store
// in Elasticsearch is not part of the embedded engine, which keeps visibility in
// SQLite.
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

var errNotPart = errors.New("visibility in Elasticsearch is not part of the embedded engine")

// Client cannot be made, so none of its calls is ever sent.
type Client struct{}

// ClientOptionFunc would set up a client.
type ClientOptionFunc func(*Client) error

// NewClient fails.
func NewClient(...ClientOptionFunc) (*Client, error) { return nil, errNotPart }

func noOption(*Client) error { return errNotPart }

// What follows would set up a client.

func SetURL(...string) ClientOptionFunc            { return noOption }
func SetBasicAuth(string, string) ClientOptionFunc { return noOption }
func SetHealthcheck(bool) ClientOptionFunc         { return noOption }
func SetSniff(bool) ClientOptionFunc               { return noOption }
func SetRetrier(any) ClientOptionFunc              { return noOption }
func SetDecoder(any) ClientOptionFunc              { return noOption }
func SetGzip(bool) ClientOptionFunc                { return noOption }
func SetHttpClient(any) ClientOptionFunc           { return noOption }
func SetErrorLog(any) ClientOptionFunc             { return noOption }
func SetInfoLog(any) ClientOptionFunc              { return noOption }
func SetTraceLog(any) ClientOptionFunc             { return noOption }
func NewBackoffRetrier(any) any                    { return nil }
func NewExponentialBackoff(_, _ time.Duration) any { return nil }
func (*Client) Start()                             {}
func (*Client) Stop()                              {}

// NumberDecoder would decode answers.
type NumberDecoder struct{}

// request is any call of Elasticsearch with the answer T. Do fails.
type request[T any] struct{}

func (request[T]) Do(context.Context) (T, error) {
	var none T
	return none, errNotPart
}

func (r request[T]) AllowPartialSearchResults(bool) request[T] { return r }
func (r request[T]) After(BulkAfterFunc) request[T]            { return r }
func (r request[T]) Before(BulkBeforeFunc) request[T]          { return r }
func (r request[T]) BodyJson(any) request[T]                   { return r }
func (r request[T]) BodyString(string) request[T]              { return r }
func (r request[T]) BulkActions(int) request[T]                { return r }
func (r request[T]) BulkSize(int) request[T]                   { return r }
func (r request[T]) FlushInterval(time.Duration) request[T]    { return r }
func (r request[T]) Id(string) request[T]                      { return r }
func (r request[T]) Index(...string) request[T]                { return r }
func (r request[T]) Name(string) request[T]                    { return r }
func (r request[T]) Query(Query) request[T]                    { return r }
func (r request[T]) RetryItemStatusCodes(...int) request[T]    { return r }
func (r request[T]) SearchSource(*SearchSource) request[T]     { return r }
func (r request[T]) Version(any) request[T]                    { return r }
func (r request[T]) VersionType(string) request[T]             { return r }
func (r request[T]) WaitForYellowStatus() request[T]           { return r }
func (r request[T]) Workers(int) request[T]                    { return r }

func (*Client) Get() request[*GetResult]                    { return request[*GetResult]{} }
func (*Client) Search(...string) request[*SearchResult]     { return request[*SearchResult]{} }
func (*Client) Count(...string) request[int64]              { return request[int64]{} }
func (*Client) BulkProcessor() request[*BulkProcessor]      { return request[*BulkProcessor]{} }
func (*Client) PutMapping() request[*answer]                { return request[*answer]{} }
func (*Client) ClusterHealth() request[*answer]             { return request[*answer]{} }
func (*Client) CreateIndex(string) request[*answer]         { return request[*answer]{} }
func (*Client) DeleteIndex(...string) request[*answer]      { return request[*answer]{} }
func (*Client) IndexPutTemplate(string) request[*answer]    { return request[*answer]{} }
func (*Client) IndexPutSettings(...string) request[*answer] { return request[*answer]{} }
func (*Client) Delete() request[*answer]                    { return request[*answer]{} }
func (*Client) CatIndices() request[CatIndicesResponse]     { return request[CatIndicesResponse]{} }
func (*Client) IndexExists(...string) request[bool]         { return request[bool]{} }
func (*Client) Bulk() *BulkService                          { return nil }
func (*Client) Ping(string) ping                            { return ping{} }
func (*Client) IndexGetSettings(...string) request[map[string]*IndicesGetSettingsResponse] {
	return request[map[string]*IndicesGetSettingsResponse]{}
}

// PerformRequest fails.
func (*Client) PerformRequest(context.Context, PerformRequestOptions) (*Response, error) {
	return nil, errNotPart
}

type ping struct{}

func (ping) Do(context.Context) (any, int, error) { return nil, 0, errNotPart }

type (
	answer struct {
		Acknowledged bool
		Status       string
	}
	// PerformRequestOptions would be a request.
	PerformRequestOptions struct {
		Method, Path, ContentType string
		Params, Headers           map[string][]string
		Body                      any
	}
	// Response would be its answer.
	Response struct{ Body json.RawMessage }
	// CatIndicesResponse would list indices.
	CatIndicesResponse []struct{ Index string }
	// IndicesGetSettingsResponse would describe an index.
	IndicesGetSettingsResponse struct{ Settings map[string]any }
	// GetResult would be a document.
	GetResult struct {
		Id     string
		Found  bool
		Source json.RawMessage
	}
	// SearchResult would hold documents.
	SearchResult struct {
		Hits         *SearchHits
		Aggregations map[string]json.RawMessage
	}
	// SearchHits would be the documents that were found.
	SearchHits struct{ Hits []*SearchHit }
	// SearchHit would be one of them.
	SearchHit struct {
		Id     string
		Sort   []any
		Source json.RawMessage
	}
	// Error would be an error of Elasticsearch.
	Error struct {
		Status  int
		Details *ErrorDetails
	}
	// ErrorDetails would describe it.
	ErrorDetails struct{ Type, Reason string }
)

func (*Error) Error() string { return errNotPart.Error() }

// IsNotFound reports that nothing was looked for.
func IsNotFound(any) bool { return false }

type (
	// BulkBeforeFunc would be called before a bulk of requests.
	BulkBeforeFunc func(int64, []BulkableRequest)
	// BulkAfterFunc would be called after it.
	BulkAfterFunc func(int64, []BulkableRequest, *BulkResponse, error)
	// BulkableRequest is a request of a bulk.
	BulkableRequest interface {
		String() string
		Source() ([]string, error)
	}
	// BulkResponse would be the answer to a bulk.
	BulkResponse struct {
		Took  int
		Items []map[string]*BulkResponseItem
	}
	// BulkResponseItem would be the answer to one request.
	BulkResponseItem struct {
		Id     string
		Status int
		Error  *ErrorDetails
	}
	// BulkProcessor would send bulks.
	BulkProcessor struct{}
	// BulkService would send a bulk.
	BulkService struct{}

	bulkRequest struct{}
)

func (*BulkProcessor) Add(BulkableRequest)                     {}
func (*BulkProcessor) Flush() error                            { return errNotPart }
func (*BulkProcessor) Stop() error                             { return errNotPart }
func (*BulkService) Add(...BulkableRequest)                    {}
func (*BulkService) Do(context.Context) (*BulkResponse, error) { return nil, errNotPart }
func (*BulkService) NumberOfActions() int                      { return 0 }
func NewBulkIndexRequest() bulkRequest                         { return bulkRequest{} }
func NewBulkDeleteRequest() bulkRequest                        { return bulkRequest{} }
func (bulkRequest) String() string                             { return errNotPart.Error() }
func (bulkRequest) Source() ([]string, error)                  { return nil, errNotPart }
func (r bulkRequest) Index(string) bulkRequest                 { return r }
func (r bulkRequest) Id(string) bulkRequest                    { return r }
func (r bulkRequest) VersionType(string) bulkRequest           { return r }
func (r bulkRequest) Version(int64) bulkRequest                { return r }
func (r bulkRequest) Doc(any) bulkRequest                      { return r }

// Queries can be built but not sent. The server builds some for other stores too,
// to check a filter: those have to behave as the real ones do, up to Source.
type (
	// Query is a condition.
	Query interface{ Source() (any, error) }
	// Sorter is an order.
	Sorter interface{ Source() (any, error) }
	// Aggregation is a sum.
	Aggregation interface{ Source() (any, error) }

	// BoolQuery joins conditions.
	BoolQuery struct{ unsent }
	// SearchSource is a search.
	SearchSource struct{ unsent }
	// FieldSort orders by a field.
	FieldSort struct{ unsent }
	// SortByDoc orders by nothing.
	SortByDoc struct{ unsent }
	// TermsAggregation counts by a field.
	TermsAggregation struct{ unsent }

	condition struct{ unsent }
	unsent    struct{}
)

func (unsent) Source() (any, error) { return nil, errNotPart }

func NewBoolQuery() *BoolQuery                               { return &BoolQuery{} }
func (q *BoolQuery) Filter(...Query) *BoolQuery              { return q }
func (q *BoolQuery) Should(...Query) *BoolQuery              { return q }
func (q *BoolQuery) MustNot(...Query) *BoolQuery             { return q }
func (q *BoolQuery) MinimumShouldMatch(string) *BoolQuery    { return q }
func (q *BoolQuery) MinimumNumberShouldMatch(int) *BoolQuery { return q }

func NewExistsQuery(string) condition         { return condition{} }
func NewMatchQuery(string, any) condition     { return condition{} }
func NewPrefixQuery(string, string) condition { return condition{} }
func NewRangeQuery(string) condition          { return condition{} }
func NewTermQuery(string, any) condition      { return condition{} }
func NewTermsQuery(string, ...any) condition  { return condition{} }
func (c condition) Gt(any) condition          { return c }
func (c condition) Gte(any) condition         { return c }
func (c condition) Lt(any) condition          { return c }
func (c condition) Lte(any) condition         { return c }

func NewSearchSource() *SearchSource                                  { return &SearchSource{} }
func (s *SearchSource) Query(Query) *SearchSource                     { return s }
func (s *SearchSource) SortBy(...Sorter) *SearchSource                { return s }
func (s *SearchSource) TrackTotalHits(any) *SearchSource              { return s }
func (s *SearchSource) Size(int) *SearchSource                        { return s }
func (s *SearchSource) SearchAfter(...any) *SearchSource              { return s }
func (s *SearchSource) Aggregation(string, Aggregation) *SearchSource { return s }

func NewFieldSort(string) *FieldSort        { return &FieldSort{} }
func (s *FieldSort) Desc() *FieldSort       { return s }
func (s *FieldSort) Missing(any) *FieldSort { return s }

func NewTermsAggregation() *TermsAggregation                                     { return &TermsAggregation{} }
func (a *TermsAggregation) Field(string) *TermsAggregation                       { return a }
func (a *TermsAggregation) Missing(any) *TermsAggregation                        { return a }
func (a *TermsAggregation) SubAggregation(string, Aggregation) *TermsAggregation { return a }
