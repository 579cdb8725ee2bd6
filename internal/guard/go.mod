module github.com/mediaferry/mediaferry/internal/guard

go 1.26.0
