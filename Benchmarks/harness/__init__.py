"""The benchmark harness. Standard library only; the report needs matplotlib as well."""
