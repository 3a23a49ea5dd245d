enum PrometheusMetricsTestsPlaceholder {}
