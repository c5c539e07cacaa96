# The workspace: Premium for Unity Catalog, its clusters in our network and without public addresses.

resource "azurerm_databricks_workspace" "main" {
  name                                  = "dbw-${local.label}"
  location                              = azurerm_resource_group.main.location
  resource_group_name                   = azurerm_resource_group.main.name
  managed_resource_group_name           = "rg-${local.label}-databricks"
  sku                                   = "premium"
  public_network_access_enabled         = var.workspace_public
  network_security_group_rules_required = var.workspace_public ? "AllRules" : "NoAzureDatabricksRules"
  infrastructure_encryption_enabled     = true
  tags                                  = local.tags

  custom_parameters {
    no_public_ip                                         = true
    virtual_network_id                                   = azurerm_virtual_network.main.id
    public_subnet_name                                   = azurerm_subnet.cluster["host"].name
    private_subnet_name                                  = azurerm_subnet.cluster["container"].name
    public_subnet_network_security_group_association_id  = azurerm_subnet_network_security_group_association.cluster["host"].id
    private_subnet_network_security_group_association_id = azurerm_subnet_network_security_group_association.cluster["container"].id
  }
}
