enum PrometheusMetricsPlaceholder {}
