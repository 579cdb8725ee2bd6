package simulate

// Source says how to reach a bucket of sources; it is asked in path style. It is
// empty where there is no such bucket.
type Source struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region,omitempty"`
	Bucket    string `json:"bucket"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// SourceBody is what puts a source into its bucket.
type SourceBody struct {
	Vendor string `json:"vendor"`
	Key    string `json:"key"`
	Body   []byte `json:"body"`
}
