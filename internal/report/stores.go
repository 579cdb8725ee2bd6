package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/endpoint"
)

// putS3 makes an object of the file in one request, repeated as the SDK does.
func (o object) putS3(ctx context.Context, file *os.File) error {
	client, err := o.s3(ctx)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &o.key, Body: file, ContentLength: aws.Int64(info.Size()), ContentType: &o.kind,
	})
	return s3Trouble(err)
}

func (o object) removeS3(ctx context.Context) error {
	client, err := o.s3(ctx)
	if err != nil {
		return err
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &o.key})
	return s3Trouble(err)
}

func (o object) s3(ctx context.Context) (*s3.Client, error) {
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if region := o.target.S3.Region; region != "" {
		options = append(options, config.WithRegion(region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("invalid AWS configuration: %s; check AWS_PROFILE and the files in ~/.aws", egress.Cause(err))
	}
	client := s3.NewFromConfig(c, func(in *s3.Options) {
		if url := endpoint.URL(o.target.S3.Endpoint); url != "" {
			in.BaseEndpoint = aws.String(url)
		}
		if aws.ToString(in.BaseEndpoint) != "" && in.Region == "" {
			in.Region = endpoint.Region
		}
		in.UsePathStyle = in.UsePathStyle || o.target.S3.PathStyle
		in.HTTPClient = o.target.Egress.Objects(endpoint.Policy(aws.ToString(in.BaseEndpoint), o.target.AllowPrivate))
	})
	if client.Options().Region == "" {
		return nil, errors.New("no AWS region is set; set sources.s3.region or AWS_REGION")
	}
	return client, nil
}

// s3Trouble words an error of the SDK, whose own texts hold whole URLs.
func s3Trouble(err error) error {
	if err == nil {
		return nil
	}
	var said smithy.APIError
	var answered *awshttp.ResponseError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &said) && errors.As(err, &answered):
		return fmt.Errorf("S3 answered %d %s: %s (request %s)", answered.HTTPStatusCode(), said.ErrorCode(),
			egress.Redact(strings.TrimSuffix(said.ErrorMessage(), ".")), answered.ServiceRequestID())
	case strings.Contains(err.Error(), "credentials"):
		return errors.New("no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	}
	return errors.New(egress.Cause(err))
}

// putOSS makes an object of the file in one request.
func (o object) putOSS(ctx context.Context, file *os.File) error {
	bucket, err := o.oss()
	if err != nil {
		return err
	}
	return ossTrouble(bucket.PutObject(o.key, file, oss.WithContext(ctx), oss.ContentType(o.kind)))
}

func (o object) removeOSS(ctx context.Context) error {
	bucket, err := o.oss()
	if err != nil {
		return err
	}
	return ossTrouble(bucket.DeleteObject(o.key, oss.WithContext(ctx)))
}

func (o object) oss() (*oss.Bucket, error) {
	settings := o.target.OSS
	switch {
	case settings.Endpoint == "":
		return nil, errors.New("no OSS endpoint is set; set sources.oss.endpoint to the endpoint of the bucket's region")
	case settings.AccessKeyID == "" || settings.AccessKeySecret == "":
		return nil, errors.New("no OSS credentials are set; set sources.oss.access_key_id and sources.oss.access_key_secret")
	}
	url := endpoint.URL(settings.Endpoint)
	options := []oss.ClientOption{oss.HTTPClient(o.target.Egress.Objects(endpoint.Policy(url, o.target.AllowPrivate)))}
	if region := endpoint.OSSRegion(url); region != "" {
		// Version 1 of the signature is closed to newer accounts.
		options = append(options, oss.AuthVersion(oss.AuthV4), oss.Region(region))
	}
	client, err := oss.New(url, settings.AccessKeyID, settings.AccessKeySecret, options...)
	if err != nil {
		return nil, errors.New(egress.Redact(err.Error()))
	}
	bucket, err := client.Bucket(o.bucket)
	if err != nil {
		return nil, errors.New(egress.Redact(err.Error()))
	}
	return bucket, nil
}

func ossTrouble(err error) error {
	var said oss.ServiceError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &said):
		return fmt.Errorf("OSS answered %d %s: %s (request %s)", said.StatusCode, said.Code, egress.Redact(strings.TrimSuffix(said.Message, ".")), said.RequestID)
	}
	return errors.New(egress.Cause(err))
}
