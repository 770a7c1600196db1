"""How JSON Schemas of forms are made; apart from `forms`, for few who read a form ask for its schema."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

DIALECT = GenerateJsonSchema.schema_dialect


class FormSchema(GenerateJsonSchema):
    """JSON Schemas that refuse what the reader refuses: keys that no pattern allows."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Allow no other key than the pattern does."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made
