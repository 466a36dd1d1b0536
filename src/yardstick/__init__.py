"""Yardstick: service-quality facts, standards and appraisal releases for property management."""
